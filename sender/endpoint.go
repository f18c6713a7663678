package sender

import "time"

// Endpoint is where messages of an application are sent to.
type Endpoint struct {
	// ID is ours, and the name of the destination. UID is the caller's name for it within
	// the application; empty if it has none.
	ID, UID, AppID   string
	URL, Description string
	// RateLimit is how many attempts it gets a second at most; 0 leaves that to the
	// application.
	RateLimit int
	// Disabled says that it gets nothing; DisabledReason why, if it was not asked for.
	Disabled       bool
	DisabledReason string
	// EventTypes and Channels say which messages it takes; nil for all.
	EventTypes, Channels []string
	Metadata             map[string]string
	// Scheme is how its messages are signed: one of those below.
	Scheme           string
	Created, Updated time.Time
	// FirstFailure is when a message was given up for the first time since the last one
	// was delivered; zero if none was.
	FirstFailure time.Time
	// Deleted says that it is kept only for what was sent to it.
	Deleted bool
}

// How messages are signed.
const (
	// SchemeSvix signs with the headers svix-*.
	SchemeSvix = "svix"
	// SchemeStandard signs as SchemeSvix does, with the headers webhook-*.
	SchemeStandard = "standard"
	// SchemeTravelbase puts the payload into an envelope with id, type and created_at,
	// and signs with the headers x-webhook-*.
	SchemeTravelbase = "travelbase"
)

// Why an endpoint is disabled that nobody has disabled.
const (
	// DisabledGone: it answered 410.
	DisabledGone = "gone"
	// DisabledFailing: messages for it were given up for too long.
	DisabledFailing = "failing"
	// DisabledAsked: it answered with the header "webhook-delivery: disable".
	DisabledAsked = "asked"
)

// EndpointIn is what an endpoint is made of.
type EndpointIn struct {
	URL, Description, UID string
	Disabled              bool
	EventTypes, Channels  []string
	RateLimit             int
	// Secret is what messages are signed with. Empty: one is made; of an endpoint that
	// there is already, the one it has is left alone.
	Secret   string
	Metadata map[string]string
	// Headers are sent with each message. Nil leaves those alone that there are.
	Headers map[string]string
	// Scheme defaults to [SchemeSvix].
	Scheme string
}

// EndpointPatch is what is changed of an endpoint: nil is left alone.
type EndpointPatch struct {
	URL, Description     *string
	UID                  *Optional[string]
	Disabled             *bool
	EventTypes, Channels *Optional[[]string]
	RateLimit            *Optional[int]
	Secret               *string
	Metadata             *map[string]string
	Scheme               *string
}

// Stats count what became of the attempts at an endpoint.
type Stats struct{ Success, Pending, Sending, Fail, Canceled int64 }
