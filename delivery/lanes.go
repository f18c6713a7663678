package delivery

// lane is a way to a destination. What has just arrived does not wait behind what
// has waited for long.
type lane int

const (
	fresh   lane = iota // handed over in memory as it arrived
	backlog             // read from the store
	probe               // of a destination that is down
	lanesN
)

// lanes decide which lane's turn it is. The width of the backlog lane is how many of
// its attempts are made at once: it begins at 1, so that a destination that comes
// back is not run over, and doubles with each round of as many verdicts.
type lanes struct {
	width int
	round int // verdicts since the width last changed
	last  lane
}

// narrow begins anew.
func (l *lanes) narrow() { l.width, l.round = 1, 0 }

// widen counts a verdict of the backlog lane.
func (l *lanes) widen(concurrency int) {
	if l.round++; l.round >= l.width {
		l.width, l.round = min(2*l.width, concurrency), 0
	}
}

// halve follows an attempt without a verdict.
func (l *lanes) halve() { l.width, l.round = max(1, l.width/2), 0 }

// pick returns the lane that the next attempt is of; ok is false if there is no slot
// or nothing to attempt. While both lanes wait, the backlog has as many slots as its
// width and at most half of all, and the fresh lane the rest; a single slot is given
// to them in turn.
func (l *lanes) pick(concurrency int, running *[lanesN]int, freshWaits, backlogWaits bool) (which lane, ok bool) {
	if running[fresh]+running[backlog]+running[probe] >= concurrency {
		return 0, false
	}
	width := min(l.width, concurrency)
	backlogWaits = backlogWaits && running[backlog] < width
	switch {
	case !freshWaits && !backlogWaits:
		return 0, false
	case !backlogWaits:
		which = fresh
	case !freshWaits:
		which = backlog
	case concurrency == 1:
		which = backlog
		if l.last == backlog {
			which = fresh
		}
	case running[backlog] < max(1, min(width, concurrency/2)):
		which = backlog
	default:
		which = fresh
	}
	l.last = which
	return which, true
}
