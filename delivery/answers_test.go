package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// TestFirstAttemptIsAtOnce, and without reading the store.
func TestFirstAttemptIsAtOnce(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		reads := b.store.called("Due", "NextDue", "Delivery")
		start := time.Now()
		seq := b.accept(toApp, []byte("body")...)
		sleep(100 * time.Millisecond)
		tries := b.app.tries()
		if len(tries) != 1 || tries[0].seq != seq || tries[0].number != 1 || tries[0].at.Sub(start) > 2*b.store.latency {
			t.Errorf("attempts: %+v", tries)
		}
		d, attempts := b.store.get(seq)
		if d.State != store.Delivered || d.Step != 1 || len(attempts) != 1 || attempts[0].Outcome != "delivered" || attempts[0].Status != 200 || attempts[0].Number != 1 {
			t.Errorf("%+v, %+v", d, attempts)
		}
		if n := b.store.called("Due", "NextDue", "Delivery") - reads; n != 0 {
			t.Errorf("the store was read %d times", n)
		}
	})
}

// TestHandedOverIsWhatIsStored: an attempt cannot tell whether the event came from
// memory or from the store.
func TestHandedOverIsWhatIsStored(t *testing.T) {
	inBubble(t, func(b *bed) {
		var seen []store.Delivery
		b.app.says(func(_ context.Context, d *store.Delivery) delivery.Answer {
			copied := *d
			seen = append(seen, copied)
			if len(seen) == 1 {
				return delivery.Answer{Status: 500}
			}
			return delivery.Answer{Status: 200}
		})
		b.begin(delivery.Destination{})
		b.accept(toApp, []byte("body")...)
		sleep(time.Minute)
		if len(seen) != 2 {
			t.Fatalf("%d attempts", len(seen))
		}
		again := seen[1]
		if again.Attempts != 1 || again.Step != 1 || !again.Due.After(again.Armed) {
			t.Errorf("the second: %+v", again)
		}
		again.Attempts, again.Step, again.Due = 0, 0, seen[0].Due
		again.Armed, again.Received = seen[0].Armed, seen[0].Received // the store cuts off what is below a millisecond
		if a, b := describe(seen[0]), describe(again); a != b {
			t.Errorf("from memory %s, from the store %s", a, b)
		}
	})
}

func describe(d store.Delivery) string {
	return strings.Join([]string{
		d.Source, d.ID, d.Type, d.Scheme, d.Destination, d.State.String(), d.Reason, string(d.Head), string(d.Body),
		time.Duration(d.Seq).String(), time.Duration(d.N).String(), time.Duration(d.Size).String(),
		d.Received.String(), d.Armed.String(), d.Due.String(), d.Timestamp.String(),
	}, "|")
}

// TestAnswerDecides: what becomes of an event by the app's first answer, an hour
// later (U-02, U-03, U-04, U-06, U-08).
func TestAnswerDecides(t *testing.T) {
	for name, test := range map[string]struct {
		answer   answers
		state    store.State
		outcome  string
		attempts int
		reason   string
	}{
		"2xx":       {status(202), store.Delivered, "delivered", 1, ""},
		"410":       {status(410), store.Dead, "gone", 1, delivery.ReasonGone},
		"302":       {status(302), store.Pending, "redirected", 4, ""},
		"404":       {status(404), store.Pending, "rejected", 4, ""},
		"408":       {status(408), store.Pending, "failed", 4, ""},
		"500":       {status(500), store.Pending, "failed", 4, ""},
		"refused":   {refuse, store.Pending, "unreachable", 4, ""},
		"hangs":     {hang, store.Pending, "timeout", 4, ""},
		"nobody":    {status(0), store.Pending, "unhandled", 4, ""},
		"unusable":  {unusable, store.Dead, "unusable", 1, delivery.ReasonUnusable},
		"panics":    {func(context.Context, *store.Delivery) delivery.Answer { panic("boom") }, store.Pending, "panicked", 4, ""},
		"slow, 2xx": {after(14*time.Second, status(200)), store.Delivered, "delivered", 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				b.begin(delivery.Destination{})
				b.app.says(test.answer)
				seq := b.accept(toApp)
				sleep(time.Hour)
				d, attempts := b.store.get(seq)
				if d.State != test.state || d.Reason != test.reason || d.Attempts != test.attempts || len(attempts) != test.attempts {
					t.Fatalf("%s, %q, %d attempts of which %d are recorded; want %s, %q, %d", d.State, d.Reason, d.Attempts, len(attempts), test.state, test.reason, test.attempts)
				}
				for i, a := range attempts {
					if a.Outcome != test.outcome || a.Number != i+1 {
						t.Errorf("attempt %d: %+v; want %s", i+1, a, test.outcome)
					}
				}
				if n := b.counter.of(test.outcome); n != test.attempts {
					t.Errorf("%d were observed", n)
				}
			})
		})
	}
}

// TestHold: one answer may ask to leave the destination alone; what comes meanwhile
// waits, and is attempted when the time is over (U-05).
func TestHold(t *testing.T) {
	for name, test := range map[string]struct {
		code       int
		retryAfter string
		want       time.Duration // 0: not held
	}{
		"429, seconds":            {429, "600", 10 * time.Minute},
		"429, date":               {429, "Sat, 01 Jan 2000 00:10:00 GMT", 10 * time.Minute},
		"429, nothing":            {429, "", 5 * time.Second},
		"429, negative":           {429, "-1", 5 * time.Second},
		"429, garbage":            {429, "NaN", 5 * time.Second},
		"429, a past date":        {429, "Fri, 31 Dec 1999 23:59:59 GMT", 5 * time.Second},
		"429, ten years":          {429, "315360000", 30 * time.Minute},
		"503, seconds":            {503, "600", 10 * time.Minute},
		"503, too long":           {503, "86400", 30 * time.Minute},
		"503, nothing":            {503, "", 0},
		"503, garbage":            {503, "1e30", 0},
		"500, seconds":            {500, "600", 0},
		"404, seconds":            {404, "600", 0},
		"503, shorter than steps": {503, "1", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				b.begin(delivery.Destination{MaxHold: 30 * time.Minute})
				b.app.says(func(context.Context, *store.Delivery) delivery.Answer {
					return delivery.Answer{Status: test.code, RetryAfter: test.retryAfter}
				})
				start := time.Now()
				first := b.accept(toApp)
				sleep(10 * time.Millisecond)
				b.app.says(nil)
				if held := b.status().HeldUntil; held.IsZero() != (test.want == 0) {
					t.Errorf("held until %v", held)
				}
				second := b.accept(toApp)
				sleep(time.Hour)
				for _, a := range b.app.tries()[1:] {
					at := a.at.Sub(start).Round(100 * time.Millisecond)
					want := test.want
					if a.seq == first {
						want = max(test.want, 5*time.Second)
					}
					if at != want {
						t.Errorf("event %d was attempted after %v; want %v", a.seq, at, want)
					}
				}
				b.wantStates(map[store.State]int{store.Delivered: 2})
				if d, _ := b.store.get(first); d.Step != 2 || b.app.got(second) != 1 {
					t.Errorf("%d steps; want 2", d.Step)
				}
			})
		})
	}
}

// TestPanicIsSurvived: its stack is logged, but nothing of what it was thrown with,
// which may be the payload (K-17).
func TestPanicIsSurvived(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		var none *strings.Builder
		b.app.says(func(_ context.Context, d *store.Delivery) delivery.Answer {
			if d.Attempts == 0 {
				panic("canary " + string(d.Body))
			}
			if d.Attempts == 1 {
				none.WriteString("x")
			}
			return delivery.Answer{Status: 200}
		})
		seq := b.accept(toApp, []byte("secret")...)
		sleep(time.Hour)
		b.wantStates(map[store.State]int{store.Delivered: 1})
		_, attempts := b.store.get(seq)
		if len(attempts) != 3 || attempts[0].Outcome != "panicked" || !strings.Contains(attempts[1].Error, "nil pointer") {
			t.Errorf("%+v", attempts)
		}
		if b.logs.count("answers_test.go") < 2 || b.logs.count("level=ERROR") != 2 {
			t.Error("the log does not show where it panicked")
		}
		if b.logs.count("canary")+b.logs.count("secret") != 0 || strings.Contains(attempts[0].Error, "canary") {
			t.Error("the panic's value is told")
		}
	})
}

func unusable(context.Context, *store.Delivery) delivery.Answer {
	return delivery.Answer{Err: fmt.Errorf("%w: no head", delivery.ErrUnusable)}
}

// TestUnusableIsNoFailureOfTheDestination: whatever number of events cannot be made
// requests of, the others are delivered, and the destination is not down (U-17).
func TestUnusableIsNoFailureOfTheDestination(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		b.app.says(unusable)
		b.fill(toApp, 50)
		sleep(time.Minute)
		b.wantStates(map[store.State]int{store.Dead: 50})
		if !b.status().Down.IsZero() {
			t.Error("the destination is down")
		}
		b.app.says(status(200))
		b.accept(toApp)
		sleep(time.Second)
		b.wantStates(map[store.State]int{store.Dead: 50, store.Delivered: 1})
	})
}

// TestPayloadGone: there is nothing to attempt (U-17).
func TestPayloadGone(t *testing.T) {
	for name, down := range map[string]bool{"up": false, "down": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				last := b.fill(toApp, 20)
				b.app.says(status(200))
				if down {
					b.app.says(refuse)
				}
				for seq := int64(2); seq <= last; seq += 2 {
					r := b.store.rows[store.DeliveryID{Seq: seq}]
					r.Head, r.Body = nil, nil
				}
				b.begin(delivery.Destination{})
				sleep(10 * time.Minute)
				if down && b.status().Down.IsZero() {
					t.Fatal("it is not down")
				}
				b.app.says(status(200))
				sleep(10 * time.Minute)
				b.wantStates(map[store.State]int{store.Delivered: 10, store.Dead: 10})
				d, attempts := b.store.get(2)
				if d.Reason != delivery.ReasonPayloadGone || len(attempts) != 0 {
					t.Errorf("%q after %d attempts", d.Reason, len(attempts))
				}
			})
		})
	}
}
