package sender_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// TestSchedule: attempts are immediate and then 5 s, 5 m, 30 m, 2 h, 5 h, 10 h and 10 h
// apart, each by up to a fifth more or less, and then there is none. Time is not real; of
// many messages no attempt is off (E-G2).
func TestSchedule(t *testing.T) {
	const messages = 300
	schedule := []time.Duration{0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour}
	inBubble(t, func(b *bed) {
		random := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex
		b.random = func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return random.Float64()
		}
		b.restart()
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		// A verdict, so that the endpoint is up and each message has its own schedule.
		b.receivers.status(422)
		for range messages {
			b.send(app.ID, sender.MessageIn{})
		}
		sleep(36 * time.Hour)
		by := map[string][]time.Time{}
		for _, p := range b.receivers.at(ep.URL) {
			id := p.Header.Get("Svix-Id")
			by[id] = append(by[id], p.at)
		}
		if len(by) != messages {
			b.Errorf("%d messages came; want %d", len(by), messages)
		}
		least, most := 1.0, 1.0
		for id, at := range by {
			if len(at) != len(schedule) {
				b.Fatalf("%s: %d attempts; want %d", id, len(at), len(schedule))
			}
			for i := 1; i < len(at); i++ {
				gap, want := at[i].Sub(at[i-1]), schedule[i]
				// The engine and the store know milliseconds, and many are due at once.
				if slack := time.Second; gap < want*8/10-slack || gap > want*12/10+slack {
					b.Errorf("%s: attempt %d is %s after the one before; want %s by a fifth", id, i+1, gap, want)
				}
				if i > 2 {
					least, most = min(least, float64(gap)/float64(want)), max(most, float64(gap)/float64(want))
				}
			}
		}
		if least > 0.82 || most < 1.18 {
			b.Errorf("delays vary from %.2f to %.2f; want 0.8 to 1.2", least, most)
		}
		l, err := b.sender.AttemptedMessages(b.Context(), app.ID, ep.ID, sender.AttemptFilter{Status: ref(sender.StatusFail), Page: sender.Page{Limit: 250}})
		if err != nil || len(l.Data) != 250 || l.Done {
			b.Errorf("%d failed, done %t, %v", len(l.Data), l.Done, err)
		}
	})
}

// TestScheduleForever: with forever the last delay repeats (E-G2).
func TestScheduleForever(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.options.Retry, b.options.Forever = []time.Duration{time.Minute, time.Hour}, true
		b.restart()
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		b.receivers.status(400)
		b.send(app.ID, sender.MessageIn{})
		sleep(25*time.Hour + 30*time.Minute)
		if n := len(b.receivers.at(ep.URL)); n != 27 {
			b.Errorf("%d attempts; want 27", n)
		}
	})
}

// reply is an answer of an endpoint, and what has to become of the delivery.
type reply struct {
	name   string
	status int
	after  string // Retry-After
	err    error

	state store.State
	// The next attempt is due between these.
	from, to time.Duration
	disabled bool
}

// answers is the matrix of answers, to the first attempt.
func answers(now time.Time) (all []reply) {
	const step = 5 * time.Second
	least, most := step*8/10, step*12/10
	pending := func(name string, status int, after string, err error, from, to time.Duration) {
		all = append(all, reply{name: name, status: status, after: after, err: err, state: store.Pending, from: from, to: to})
	}
	for _, status := range []int{200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 299} {
		for _, after := range []string{"", "120"} {
			all = append(all, reply{status: status, after: after, state: store.Delivered})
		}
	}
	for _, status := range []int{
		300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422,
		423, 424, 425, 426, 428, 431, 451, 499, 500, 501, 502, 504, 505, 506, 507, 508, 510, 511, 520, 522, 524, 529, 599, 600, 999,
	} {
		pending("", status, "", nil, least, most)
	}
	// Only 429 and 503 may ask to be left alone, and no longer than twice the step, so that
	// no endpoint makes its messages wait for ever.
	for _, status := range []int{400, 404, 408, 500, 502} {
		pending("", status, "9999999999", nil, least, most)
	}
	for _, status := range []int{429, 503} {
		pending("", status, "", nil, least, 2*step)
		for _, after := range []string{"0", "-5", "soon", "1e9", "0x10", " ", "1.5", "999999999999999999999999"} {
			pending("", status, after, nil, least, 2*step)
		}
		for _, after := range []string{"1", "3", "5"} {
			pending("", status, after, nil, least, 2*step)
		}
		pending("", status, "7", nil, 7*time.Second*8/10, 2*step)
		for _, after := range []string{"10", "11", "60", "3600", "86400", "9999999999", now.Add(time.Hour).UTC().Format(http.TimeFormat)} {
			pending("", status, after, nil, 2*step*8/10, 2*step+time.Second)
		}
		pending("", status, now.Add(-time.Hour).UTC().Format(http.TimeFormat), nil, least, 2*step)
	}
	for name, err := range map[string]error{
		"refused": errors.New("connection refused"), "deadline": context.DeadlineExceeded, "canceled": context.Canceled,
		"blocked": sender.ErrBlocked, "no host": errors.New("no such host"), "EOF": errors.New("unexpected EOF"),
	} {
		pending(name, 0, "", err, least, most)
	}
	// What the status says counts, though the body could not be read.
	all = append(all, reply{name: "cut off", status: 200, err: errors.New("unexpected EOF"), state: store.Delivered})
	pending("cut off", 500, "", errors.New("unexpected EOF"), least, most)
	all = append(all, reply{status: 410, state: store.Dead, disabled: true}, reply{status: 410, after: "60", state: store.Dead, disabled: true})
	return all
}

// TestAnswers: what an endpoint answers to an attempt decides what becomes of the message,
// and it cannot put it off for long (E-G3, E-25).
func TestAnswers(t *testing.T) {
	inBubble(t, func(b *bed) {
		app := b.app("one")
		random := rand.New(rand.NewPCG(3, 4))
		var mu sync.Mutex
		b.random = func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return random.Float64()
		}
		b.restart()
		all := answers(time.Now())
		if len(all) < 110 {
			b.Errorf("only %d answers", len(all))
		}
		by := map[string]*reply{}
		endpoints := make([]sender.Endpoint, len(all))
		b.receivers.says(func(_ context.Context, p sender.Post) *sender.Exchange {
			s := by[p.URL]
			x := &sender.Exchange{URL: p.URL, Status: s.status, RetryAfter: s.after, Err: s.err}
			if s.err != nil {
				x.Reason = "it failed"
			}
			return x
		})
		for i := range all {
			endpoints[i] = b.endpoint(app.ID, sender.EndpointIn{URL: "https://example.com/" + strconv.Itoa(i)})
			by[endpoints[i].URL] = &all[i]
		}
		begun := time.Now()
		m := b.send(app.ID, sender.MessageIn{})
		sleep(100 * time.Millisecond)
		deliveries, err := b.store.DeliveriesOf(b.Context(), mustSeq(b, app.ID, m.ID))
		if err != nil || len(deliveries) != len(all) {
			b.Fatalf("%d deliveries, %v", len(deliveries), err)
		}
		for i := range deliveries {
			d := &deliveries[i]
			ep, err := b.sender.Endpoint(b.Context(), app.ID, d.Destination)
			if err != nil {
				b.Fatal(err)
			}
			s := by[ep.URL]
			name := fmt.Sprintf("%s %d, Retry-After %q, %v", s.name, s.status, s.after, s.err)
			if d.State != s.state || d.Attempts != 1 {
				b.Errorf("%s: %s after %d attempts; want %s", name, d.State, d.Attempts, s.state)
			}
			if due := d.Due.Sub(begun); s.state == store.Pending && (due < s.from || due > s.to+50*time.Millisecond) {
				b.Errorf("%s: due after %s; want %s to %s", name, due, s.from, s.to)
			}
			if ep.Disabled != s.disabled {
				b.Errorf("%s: the endpoint is disabled: %t", name, ep.Disabled)
			}
		}
	})
}

func mustSeq(b *bed, app, id string) (seq int64) {
	b.Helper()
	found, _, err := b.store.Messages(b.Context(), store.MessageFilter{Source: app})
	if err != nil {
		b.Fatal(err)
	}
	for i := range found {
		if sender.MessageID(app, found[i].Seq) == id {
			return found[i].Seq
		}
	}
	b.Fatalf("there is no message %s", id)
	return 0
}
