package delivery

import (
	"slices"
	"time"

	"github.com/hookgate/hookgate/store"
)

const (
	// A destination is down after so many attempts in a row without a verdict, at so
	// many events at least: one event alone proves nothing about the others.
	downAfter  = 5
	downEvents = 3
	// Probes of a destination that is down.
	firstProbe = time.Second
	lastProbe  = 30 * time.Second
)

// health learns from attempts whether a destination is up or down. The zero value
// is up. It does no I/O, and knows of time what it is told.
type health struct {
	// epoch counts the changes between up and down. What was attempted before the
	// last change says nothing about the time after it, unless it is a verdict.
	epoch int
	// since is when it went down; zero while it is up.
	since time.Time
	// failures counts the attempts in a row without a verdict since it is up, and
	// events are the first few different ones of them.
	failures int
	events   []store.DeliveryID
	// next is when the next probe may be made, and delay how long it was put off.
	next  time.Time
	delay time.Duration
}

func (h *health) down() bool { return !h.since.IsZero() }

// verdict notes that the destination has decided on an event, and reports whether
// it is up again thereby.
func (h *health) verdict() (up bool) {
	up = h.down()
	epoch := h.epoch
	if up {
		epoch++
	}
	*h = health{epoch: epoch, events: h.events[:0]}
	return up
}

// failed notes an attempt without a verdict, which was begun in an epoch, and
// reports whether the destination is down thereby. Of a destination that is down
// only probes count: see [health.probed].
func (h *health) failed(id store.DeliveryID, epoch int, now time.Time) (down bool) {
	if epoch != h.epoch || h.down() {
		return false
	}
	h.failures++
	if len(h.events) < downEvents && !slices.Contains(h.events, id) {
		h.events = append(h.events, id)
	}
	if h.failures < downAfter || len(h.events) < downEvents {
		return false
	}
	h.epoch++
	h.since, h.delay = now, firstProbe
	h.next = now.Add(h.delay)
	return true
}

// probed notes a probe without a verdict, which was begun in an epoch at a time. The
// next is made so long after that one was begun, however long it took to fail.
func (h *health) probed(epoch int, begun, now time.Time) {
	if epoch != h.epoch || !h.down() {
		return
	}
	h.failures++
	h.delay = min(2*h.delay, lastProbe)
	h.next = latest(begun.Add(h.delay), now.Add(firstProbe))
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
