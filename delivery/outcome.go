package delivery

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/store"
)

var (
	// ErrPanic is wrapped by the error of an attempt that panicked.
	ErrPanic = errors.New("the handler panicked")
	// ErrUnusable is wrapped by a transport's error if what is stored cannot be made a
	// request of: the destination was not asked, and no other attempt fares better.
	ErrUnusable = errors.New("the payload cannot be used")
	// ErrWithdrawn is wrapped by a transport's error if nothing is to be delivered to the
	// destination any more: it was not asked.
	ErrWithdrawn = errors.New("the destination is withdrawn")
)

// Why a delivery is dead: [store.Outcome.Reason].
const (
	ReasonGone        = "gone"         // the destination said so, by 410
	ReasonExhausted   = "exhausted"    // there is no further attempt in the schedule
	ReasonExpired     = "expired"      // its time was up
	ReasonPayloadGone = "payload gone" // there is nothing left to deliver
	ReasonUnusable    = "unusable"     // what is stored cannot be delivered
	ReasonWithdrawn   = "withdrawn"    // the destination is disabled, or gone
)

// OutcomeCanceled is the outcome of an attempt that ended because the engine did. It
// is observed, but neither recorded nor counted.
const OutcomeCanceled = "canceled"

// Row is a row of the table by which attempts are judged.
type Row struct {
	// Outcome is the word for it, as it is recorded.
	Outcome string
	// When says which answers it is for.
	When string
	// Verdict says that the destination has decided on the event, so that it is up.
	Verdict bool
	// Then says what becomes of the delivery.
	Then string

	matches func(*result) bool
	effect  effect
}

// effect is what an attempt does to its delivery.
type effect int

const (
	wait effect = iota // for the next attempt of the schedule, if there is one
	deliver
	bury
	discard  // bury, though the destination has not decided on it
	withdraw // the same, and no attempt was made
	hold     // wait, and leave the destination alone meanwhile
	leave    // as it was
)

// result is what an attempt came to.
type result struct {
	Answer
	started  time.Time
	took     time.Duration
	expired  bool          // the attempt's deadline has passed
	stopping bool          // the engine has canceled it
	asked    time.Duration // by Retry-After; 0 if it did not ask
}

const thenNext = "next attempt by the schedule; dead after the last"

// table has the rows in the order in which they are tried. The last matches
// everything.
var table = []Row{
	{
		Outcome: "panicked", When: "the handler panicked", Then: thenNext, effect: wait,
		matches: func(r *result) bool { return errors.Is(r.Err, ErrPanic) },
	}, {
		Outcome: ReasonUnusable, When: "what is stored cannot be made a request; the app is not asked", Then: "dead at once", effect: discard,
		matches: func(r *result) bool { return errors.Is(r.Err, ErrUnusable) },
	}, {
		Outcome: ReasonWithdrawn, When: "the endpoint is disabled or deleted, and not asked; no attempt is recorded", Then: "dead at once", effect: withdraw,
		matches: func(r *result) bool { return errors.Is(r.Err, ErrWithdrawn) },
	}, {
		Outcome: "delivered", When: "2xx", Verdict: true, Then: "delivered", effect: deliver,
		matches: func(r *result) bool { return r.Status/100 == 2 },
	}, {
		Outcome: "redirected", When: "3xx, which is not followed", Then: thenNext, effect: wait,
		matches: func(r *result) bool { return r.Status/100 == 3 },
	}, {
		Outcome: ReasonGone, When: "410", Verdict: true, Then: "dead at once", effect: bury,
		matches: func(r *result) bool { return r.Status == http.StatusGone },
	}, {
		Outcome: "throttled", When: "429; 503 with Retry-After", Then: "the destination is left alone as long as it asks; " + thenNext, effect: hold,
		matches: func(r *result) bool {
			return r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable && r.asked > 0
		},
	}, {
		Outcome: "failed", When: "408, 425, 5xx, and statuses that there are not", Then: thenNext, effect: wait,
		matches: func(r *result) bool {
			return r.Status == http.StatusRequestTimeout || r.Status == http.StatusTooEarly || r.Status != 0 && r.Status/100 != 4
		},
	}, {
		Outcome: "rejected", When: "any other 4xx but 499", Verdict: true, Then: thenNext, effect: wait,
		matches: func(r *result) bool { return r.Status != 0 && r.Status != statusClientClosed },
	}, {
		Outcome: "timeout", When: "no answer within the timeout", Then: thenNext, effect: wait,
		matches: func(r *result) bool { return r.expired || timedOut(r.Err) },
	}, {
		Outcome: "unhandled", When: "no handler answered", Then: thenNext, effect: wait,
		matches: func(r *result) bool { return r.Status == 0 && r.Err == nil },
	}, {
		Outcome: "unreachable", When: "no answer: refused, reset, no such host; 499", Then: thenNext, effect: wait,
		matches: func(*result) bool { return true },
	},
}

// canceled is the row of an attempt that the engine has ended, unless the
// destination had its say before.
var canceled = Row{
	Outcome: OutcomeCanceled, When: "the gateway stops", Then: "as if the attempt had not been made", effect: leave,
}

// statusClientClosed is what proxies make of a request that was canceled. A
// destination does not answer so.
const statusClientClosed = 499

// Outcomes returns the table by which attempts are judged: the first row that
// matches decides.
func Outcomes() []Row { return append(slices.Clone(table), canceled) }

// discards reports whether a delivery is dead that the destination has not decided on.
func (r *Row) discards() bool { return r.effect == discard || r.effect == withdraw }

// judge returns the row of a result.
func judge(r *result) *Row {
	for i := range table {
		if row := &table[i]; row.matches(r) {
			if r.stopping && !row.Verdict {
				break
			}
			return row
		}
	}
	return &canceled
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// holdFor returns how long the destination is to be left alone after a throttled
// attempt: as long as it asks, and by default as long as the schedule says, but no longer
// than it may. An attempt by hand counts as the first.
func (d *Destination) holdFor(r *result, of *store.Delivery) time.Duration {
	step := of.Step + 1
	if of.ByHand() {
		step = 1
	}
	delay, _ := d.delay(min(step, len(d.Retry)))
	switch {
	case d.Endpoint:
		return min(max(r.asked, delay), 2*delay)
	case r.asked > 0:
		return min(r.asked, d.MaxHold)
	}
	return min(delay, d.MaxHold)
}

// outcome returns what an attempt does to a delivery. heldUntil is when the
// destination may be attempted again; random is from [0, 1).
func (d *Destination) outcome(of *store.Delivery, row *Row, r *result, now, heldUntil time.Time, random float64) store.Outcome {
	o := store.Outcome{
		ID: of.DeliveryID(), Destination: of.Destination, Owner: of.Owner, State: store.Pending, Step: of.Step + 1, Due: now, At: now,
		Attempt: &store.Attempt{
			Number: of.Attempts + 1, Started: r.started, Took: r.took,
			Outcome: row.Outcome, Status: r.Status, Error: line(r.Err), Response: r.Response, ByHand: of.ByHand(),
		},
		Listed: d.Endpoint,
	}
	delay, more := d.delay(o.Step)
	switch {
	case row.effect == deliver:
		o.State = store.Delivered
	case row.effect == bury, row.effect == discard:
		o.State, o.Reason = store.Dead, row.Outcome
	case row.effect == withdraw:
		o.State, o.Reason, o.Step, o.Attempt = store.Dead, row.Outcome, of.Step, nil
	case now.Sub(of.Armed) >= d.GiveUp:
		o.State, o.Reason = store.Dead, ReasonExpired
	case !more:
		o.State, o.Reason = store.Dead, ReasonExhausted
	default:
		o.Due = now.Add(spread(delay, random))
		if row.effect == hold && heldUntil.After(o.Due) {
			o.Due = heldUntil
		}
	}
	return o
}

// maxError is how many bytes of an error are recorded.
const maxError = 512

// line returns an error's text as one line of valid UTF-8.
func line(err error) string {
	if err == nil {
		return ""
	}
	text := strings.Join(strings.Fields(strings.ToValidUTF8(err.Error(), "\uFFFD")), " ")
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "")
	}
	return text
}
