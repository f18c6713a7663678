package delivery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hookgate/hookgate/store"
)

// TestEveryAnswerHasItsRow (U-04, U-06, U-07, U-08, U-15).
func TestEveryAnswerHasItsRow(t *testing.T) {
	boom := fmt.Errorf("%w: boom", ErrPanic)
	for name, test := range map[string]struct {
		result
		want string
	}{
		"200":                              {result{Answer: Answer{Status: 200}}, "delivered"},
		"200, cut off":                     {result{Answer: Answer{Status: 200, Err: errors.New("unexpected EOF")}}, "delivered"},
		"200, late":                        {result{Answer: Answer{Status: 200, Err: context.DeadlineExceeded}, expired: true}, "delivered"},
		"200, stopping":                    {result{Answer: Answer{Status: 200}, stopping: true}, "delivered"},
		"200 and a panic":                  {result{Answer: Answer{Status: 200, Err: boom}}, "panicked"},
		"204":                              {result{Answer: Answer{Status: 204}}, "delivered"},
		"299":                              {result{Answer: Answer{Status: 299}}, "delivered"},
		"301":                              {result{Answer: Answer{Status: 301}}, "redirected"},
		"304":                              {result{Answer: Answer{Status: 304}}, "redirected"},
		"308, stopping":                    {result{Answer: Answer{Status: 308}, stopping: true}, "canceled"},
		"400":                              {result{Answer: Answer{Status: 400}}, "rejected"},
		"401":                              {result{Answer: Answer{Status: 401}}, "rejected"},
		"404":                              {result{Answer: Answer{Status: 404}}, "rejected"},
		"404, stopping":                    {result{Answer: Answer{Status: 404}, stopping: true}, "rejected"},
		"404 with Retry-After":             {result{Answer: Answer{Status: 404}, asked: time.Minute}, "rejected"},
		"408":                              {result{Answer: Answer{Status: 408}}, "failed"},
		"410":                              {result{Answer: Answer{Status: 410}}, "gone"},
		"422":                              {result{Answer: Answer{Status: 422}}, "rejected"},
		"425":                              {result{Answer: Answer{Status: 425}}, "failed"},
		"429":                              {result{Answer: Answer{Status: 429}}, "throttled"},
		"429 with Retry-After":             {result{Answer: Answer{Status: 429}, asked: time.Minute}, "throttled"},
		"499":                              {result{Answer: Answer{Status: 499, Err: context.Canceled}}, "unreachable"},
		"499, late":                        {result{Answer: Answer{Status: 499, Err: context.DeadlineExceeded}, expired: true}, "timeout"},
		"500":                              {result{Answer: Answer{Status: 500}}, "failed"},
		"500 with Retry-After":             {result{Answer: Answer{Status: 500}, asked: time.Minute}, "failed"},
		"502, stopping":                    {result{Answer: Answer{Status: 502}, stopping: true}, "canceled"},
		"503":                              {result{Answer: Answer{Status: 503}}, "failed"},
		"503 with Retry-After":             {result{Answer: Answer{Status: 503}, asked: time.Minute}, "throttled"},
		"599":                              {result{Answer: Answer{Status: 599}}, "failed"},
		"101":                              {result{Answer: Answer{Status: 101}}, "failed"},
		"600":                              {result{Answer: Answer{Status: 600}}, "failed"},
		"999":                              {result{Answer: Answer{Status: 999}}, "failed"},
		"20":                               {result{Answer: Answer{Status: 20}}, "failed"},
		"-200":                             {result{Answer: Answer{Status: -200}}, "failed"},
		"nobody answered":                  {result{}, "unhandled"},
		"unusable":                         {result{Answer: Answer{Err: fmt.Errorf("%w: no head", ErrUnusable)}}, "unusable"},
		"nobody answered in time":          {result{expired: true}, "timeout"},
		"refused":                          {result{Answer: Answer{Err: syscall.ECONNREFUSED}}, "unreachable"},
		"no such host":                     {result{Answer: Answer{Err: &net.DNSError{IsNotFound: true}}}, "unreachable"},
		"the resolver does not answer":     {result{Answer: Answer{Err: &net.DNSError{IsTimeout: true}}}, "timeout"},
		"deadline":                         {result{Answer: Answer{Err: fmt.Errorf("dialing: %w", context.DeadlineExceeded)}}, "timeout"},
		"deadline of a connection":         {result{Answer: Answer{Err: &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}}}, "timeout"},
		"refused, late":                    {result{Answer: Answer{Err: syscall.ECONNREFUSED}, expired: true}, "timeout"},
		"canceled by somebody else":        {result{Answer: Answer{Err: context.Canceled}}, "unreachable"},
		"canceled by us":                   {result{Answer: Answer{Err: context.Canceled}, stopping: true}, "canceled"},
		"panicked":                         {result{Answer: Answer{Err: boom}}, "panicked"},
		"panicked, stopping":               {result{Answer: Answer{Err: boom}, stopping: true}, "canceled"},
		"nobody answered, stopping":        {result{stopping: true}, "canceled"},
		"stopping and the deadline passed": {result{Answer: Answer{Err: context.DeadlineExceeded}, stopping: true, expired: true}, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := judge(&test.result).Outcome; got != test.want {
				t.Errorf("%s; want %s", got, test.want)
			}
		})
	}
}

// TestOutcomeTable: a verdict is what lies in the hand of the destination; every
// status has a row that does not depend on anything else but Retry-After.
func TestOutcomeTable(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range Outcomes() {
		if seen[row.Outcome] || row.Outcome == "" || row.When == "" || row.Then == "" {
			t.Errorf("row %+v", row)
		}
		seen[row.Outcome] = true
	}
	for code := -1; code <= 1000; code++ {
		if code == 0 {
			continue
		}
		row := judge(&result{Answer: Answer{Status: code}})
		verdict := code/100 == 2 || code/100 == 4 && code != 408 && code != 425 && code != 429 && code != 499
		if row.Verdict != verdict {
			t.Errorf("%d is %s, and a verdict: %t", code, row.Outcome, row.Verdict)
		}
		if delivered := row.effect == deliver; delivered != (code >= 200 && code < 300) {
			t.Errorf("%d is %s: delivered %t", code, row.Outcome, delivered)
		}
	}
}

var armed = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestOutcome: what an attempt does to its delivery.
func TestOutcome(t *testing.T) {
	d := Destination{GiveUp: 24 * time.Hour}.withDefaults()
	for name, test := range map[string]struct {
		status int
		step   int           // before the attempt
		age    time.Duration // since it was armed
		held   time.Duration // from now
		state  store.State
		due    time.Duration // from now
		reason string
	}{
		"delivered":                      {200, 0, 0, 0, store.Delivered, 0, ""},
		"delivered at the last":          {200, 7, 30 * time.Hour, 0, store.Delivered, 0, ""},
		"gone":                           {410, 0, 0, 0, store.Dead, 0, ReasonGone},
		"failed":                         {500, 0, 0, 0, store.Pending, 5 * time.Second, ""},
		"failed while another is held":   {500, 0, 0, time.Hour, store.Pending, 5 * time.Second, ""},
		"failed, second":                 {500, 1, time.Minute, 0, store.Pending, 5 * time.Minute, ""},
		"failed, last but one":           {500, 6, time.Minute, 0, store.Pending, 10 * time.Hour, ""},
		"failed, last":                   {500, 7, time.Minute, 0, store.Dead, 0, ReasonExhausted},
		"failed, beyond the last":        {500, 70, time.Minute, 0, store.Dead, 0, ReasonExhausted},
		"failed, just young enough":      {500, 1, 24*time.Hour - 1, 0, store.Pending, 5 * time.Minute, ""},
		"failed, too old":                {500, 1, 24 * time.Hour, 0, store.Dead, 0, ReasonExpired},
		"rejected":                       {422, 1, time.Minute, 0, store.Pending, 5 * time.Minute, ""},
		"rejected, last":                 {422, 7, time.Minute, 0, store.Dead, 0, ReasonExhausted},
		"redirected":                     {302, 1, time.Minute, 0, store.Pending, 5 * time.Minute, ""},
		"throttled, schedule is later":   {429, 1, time.Minute, time.Minute, store.Pending, 5 * time.Minute, ""},
		"throttled, hold is later":       {429, 1, time.Minute, time.Hour, store.Pending, time.Hour, ""},
		"throttled, last":                {429, 7, time.Minute, time.Hour, store.Dead, 0, ReasonExhausted},
		"unhandled":                      {0, 1, time.Minute, 0, store.Pending, 5 * time.Minute, ""},
		"armed after now, by some clock": {500, 1, -time.Hour, 0, store.Pending, 5 * time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			now := armed.Add(test.age)
			of := &store.Delivery{Event: store.Event{Seq: 7}, N: 2, Destination: "source/app", Step: test.step, Attempts: 40, Armed: armed}
			r := &result{Answer: Answer{Status: test.status, Err: errors.New("a\nb"), Response: []byte("no")}, started: armed, took: time.Second}
			if test.status == 0 {
				r.Err = nil
			}
			row := judge(r)
			got := d.outcome(of, row, r, now, now.Add(test.held), 0.5)
			if got.State != test.state || got.Reason != test.reason || got.Step != test.step+1 {
				t.Errorf("%s, %q, step %d; want %s, %q, %d", got.State, got.Reason, got.Step, test.state, test.reason, test.step+1)
			}
			if due := got.Due.Sub(now).Round(time.Microsecond); got.State == store.Pending && due != test.due {
				t.Errorf("due after %v; want %v", due, test.due)
			}
			if got.ID != of.DeliveryID() || got.Destination != "source/app" || !got.At.Equal(now) {
				t.Errorf("%+v", got)
			}
			a := got.Attempt
			if a.Number != 41 || a.Outcome != row.Outcome || a.Status != test.status || !a.Started.Equal(armed) || a.Took != time.Second || string(a.Response) != "no" {
				t.Errorf("%+v", a)
			}
			if want := line(r.Err); a.Error != want {
				t.Errorf("error %q; want %q", a.Error, want)
			}
		})
	}
}

// TestHoldFor: a destination is held as long as it asks, within bounds (U-05).
func TestHoldFor(t *testing.T) {
	d := Destination{MaxHold: 20 * time.Minute}.withDefaults()
	for name, test := range map[string]struct {
		asked time.Duration
		step  int
		want  time.Duration
	}{
		"asks":                      {time.Minute, 1, time.Minute},
		"asks for too long":         {10 * 365 * 24 * time.Hour, 1, 20 * time.Minute},
		"does not ask":              {0, 1, 5 * time.Second},
		"does not ask, second":      {0, 2, 5 * time.Minute},
		"does not ask, a long step": {0, 4, 20 * time.Minute},
		"does not ask, last":        {0, 8, 20 * time.Minute},
		"does not ask, far beyond":  {0, 100, 20 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			if got := d.holdFor(&result{asked: test.asked}, &store.Delivery{Step: test.step - 1}); got != test.want {
				t.Errorf("%v; want %v", got, test.want)
			}
		})
	}
}

// TestErrorIsOneLine: what is recorded can be shown in a table, however long and
// odd it was.
func TestErrorIsOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"refused":                      "refused",
		" a\r\n\tb\u2028c ":            "a b c",
		"bad \xff\xfe bytes":           "bad \uFFFD bytes",
		strings.Repeat("x", 5000):      strings.Repeat("x", maxError),
		strings.Repeat("x", 511) + "é": strings.Repeat("x", 511),
	} {
		got := line(errors.New(in))
		if got != want || !utf8.ValidString(got) {
			t.Errorf("%.30q became %.30q; want %.30q", in, got, want)
		}
	}
	if line(nil) != "" {
		t.Error("nil has a text")
	}
}
