package store

import (
	"errors"
	"strings"
	"time"
)

// Why an operation failed. All of them leave the caller's event or change
// unacknowledged; [ErrUnavailable] and [ErrFailed] leave open whether it was made.
var (
	// ErrFull: the disk is full, or less than the free space is left that was
	// asked for. It passes by itself once there is room.
	ErrFull = errors.New("store: no space left")
	// ErrBacklog: the destination has as many pending events as it may have.
	ErrBacklog = errors.New("store: the backlog is full")
	// ErrKeys: as many keys are remembered as memory is meant for.
	ErrKeys = errors.New("store: the memory for keys is full")
	// ErrFailed: a write or an fsync failed, so that nothing that was written after
	// the last commit can be trusted. The store tries to come back by reading the
	// file anew.
	ErrFailed = errors.New("store: failed")
	// ErrUnavailable: the database did not answer in time.
	ErrUnavailable = errors.New("store: unavailable")
	// ErrConflict: another process that shares the database was faster. The store
	// tries again by itself.
	ErrConflict = errors.New("store: conflict")
	// ErrClosed: the store is closed, or closing.
	ErrClosed = errors.New("store: closed")
	// ErrDamaged: what is read of an event is not what was stored.
	ErrDamaged = errors.New("store: damaged")
	// ErrNotFound: there is no such row.
	ErrNotFound = errors.New("store: not found")
)

// Digest is half a SHA-256.
type Digest = [16]byte

// Key is how copies of an event are told: by what is signed.
type Key struct {
	// ID is the place of the event's id.
	ID Digest
	// Aside is the event's place if another body holds the place of its id; zero
	// where the id alone decides.
	Aside Digest
	// Body is the digest of the signed bytes; zero where the id alone decides.
	Body Digest
	// Former are the keys that the event would have had under earlier names of its
	// source.
	Former []Key
}

// Target is where an arrival is to be delivered.
type Target struct {
	// Destination is its name. The targets of an arrival have different ones.
	Destination string
	// Claim says that the caller attempts the delivery itself as soon as it is stored:
	// nobody who shares the database takes it meanwhile.
	Claim bool
}

// Arrival is an event as it comes to the store: one that a source has sent and that is
// verified, or a message, which is the caller's own.
type Arrival struct {
	// Source is the name of what sent it.
	Source string
	// To are the targets: the n-th is delivery n. One without any is recorded as ignored,
	// and its Head and Body are not kept unless Keep says so.
	To []Target
	// Keep keeps Head and Body of an arrival without a target.
	Keep bool
	// Once says that a known one is left alone, whatever became of it and for as long as
	// it is stored: the verdict is Duplicate, with Conflict if its body is another.
	Once bool
	// ID, Type and Scheme are as authenticated; Type may be empty. A message has no
	// Scheme, which is how it is told.
	ID, Type, Scheme string
	// Timestamp is the signed time; zero if there is none.
	Timestamp time.Time
	// Received is when it arrived.
	Received time.Time
	// Key tells duplicates; nil if nothing is to be remembered.
	Key *Key
	// Window is how long the key is remembered after the event is settled, and how long
	// a message is kept: 0 is for ever then.
	Window time.Duration
	// Head is the request without its body, in a form the caller chooses.
	Head []byte
	// Body is the request's body.
	Body []byte
	// MaxBacklog is how many events may be pending for one of the destinations before
	// new ones are refused with [ErrBacklog]; 0 means any number. What others who share
	// the database have added or delivered in the last seconds is not counted.
	MaxBacklog int64
}

// kept reports whether the payload is.
func (a *Arrival) kept() bool { return len(a.To) > 0 || a.Keep }

// Result is what became of an arrival.
type Result int

// The results of [Store.Accept].
const (
	// Stored: new, and committed.
	Stored Result = iota + 1
	// Ignored: new, recorded without a delivery.
	Ignored
	// Duplicate: known, and delivered or about to be.
	Duplicate
	// Rearmed: known and dead; its schedule starts anew.
	Rearmed
)

// Verdict is the answer to an arrival.
type Verdict struct {
	Result Result
	// Seq is the number of the stored event: of a duplicate, that of the event
	// which holds the key. It grows with every event of a store.
	Seq int64
	// Conflict says that the id is known with another body.
	Conflict bool
	// Due says that a delivery became due now, apart from one newly stored.
	Due bool
	// Owner and Term are those under which the deliveries of a new one were claimed that
	// the arrival asked to.
	Owner, Term int64
}

// State is how far a delivery is.
type State int

// The states. There is no state for "in an attempt": only the process that makes
// the attempt knows, and after a crash the delivery is pending.
const (
	// Pending: to be attempted when it is due.
	Pending State = iota + 1
	// Delivered: the destination answered 2xx.
	Delivered
	// Dead: given up; it can be recovered.
	Dead
	// IgnoredState is of events that have no delivery.
	IgnoredState
)

// String returns the state's name, as people and the API use it.
func (s State) String() string {
	switch s {
	case Pending:
		return "pending"
	case Delivered:
		return "delivered"
	case Dead:
		return "dead"
	case IgnoredState:
		return "ignored"
	}
	return "unknown"
}

// ParseState is the inverse of [State.String].
func ParseState(name string) (State, bool) {
	for s := Pending; s <= IgnoredState; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}

// LastStep is the step of a delivery that is attempted by hand: once, and no schedule
// goes on behind it.
const LastStep = 1 << 20

const sources = "source/"

// SourceDestination is where the events of a source go: "source/<name>".
func SourceDestination(source string) string { return sources + source }

// DestinationSource returns the source whose events go to a destination; ok is false if
// it is no source's.
func DestinationSource(destination string) (source string, ok bool) {
	return strings.CutPrefix(destination, sources)
}

// Event is a stored event without its payload.
type Event struct {
	Seq    int64
	Source string
	// Origin is the source's name when the event came, if that was another.
	Origin           string
	ID, Type, Scheme string
	Timestamp        time.Time // zero if none was signed
	Received         time.Time
	Size             int64 // of the body, in bytes
}

// DeliveryID names a delivery.
type DeliveryID struct {
	Seq int64 // of its event
	N   int   // counts from 0; that is the only delivery of a source's event
}

// Delivery is an event on its way to a destination.
type Delivery struct {
	Event
	N           int
	Destination string
	State       State
	// Attempts counts the attempts made, Step those that the schedule counts: it
	// starts anew when the delivery is re-armed.
	Attempts, Step int
	// Armed is when the schedule started: the event's arrival, or the recovery.
	Armed time.Time
	// Due is when the next attempt may be made.
	Due time.Time
	// Settled is when it was delivered or given up; zero while it is pending.
	Settled time.Time
	// Replay says that the attempts of this schedule are of a replay.
	Replay bool
	// Reason says why it is dead; empty otherwise.
	Reason string
	// Status is the HTTP status of the last attempt, where it was asked for.
	Status int
	// Owner and Term are those of the [Standing] under which it was claimed; 0 if it
	// was not.
	Owner, Term int64
	// Head and Body are the payload, where it was asked for and is still kept.
	Head, Body []byte
}

// DeliveryID returns the delivery's name.
func (d *Delivery) DeliveryID() DeliveryID { return DeliveryID{d.Seq, d.N} }

// ByHand reports whether its attempt is one that a person asked for, and the last.
func (d *Delivery) ByHand() bool { return d.Step >= LastStep }

// Attempt is one try of a delivery.
type Attempt struct {
	// Number counts from 1.
	Number  int
	Started time.Time
	Took    time.Duration
	// Outcome is one of the engine's words.
	Outcome string
	// Status is the HTTP status; 0 if there was none.
	Status int
	// Error says what went wrong, in one line.
	Error string
	// Response is the beginning of the response's body, where it is kept.
	Response []byte
	// ByHand says that a person asked for it.
	ByHand bool
}

// Outcome is what an attempt does to its delivery.
type Outcome struct {
	ID          DeliveryID
	Destination string
	// Owner is the delivery's as it was claimed: if it is another's by now, nothing but
	// the attempt is recorded.
	Owner int64
	// Attempt is recorded with it; nil if none was made.
	Attempt *Attempt
	// Listed says that the attempt is one of those that [Reader.AttemptsTo] and
	// [Reader.TallyTo] find. It costs an entry of an index.
	Listed bool
	// State, Step, Due and Reason are the delivery's from now on. Of a settled one
	// (Delivered, Dead) Due means nothing.
	State  State
	Step   int
	Due    time.Time
	Reason string
	// At is when it happened.
	At time.Time
}

// ByHand reports whether it is of an attempt that a person asked for.
func (o *Outcome) ByHand() bool { return o.Attempt != nil && o.Attempt.ByHand }
