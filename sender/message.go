package sender

import (
	"encoding/json"
	"time"
)

// Message is what an application has sent.
type Message struct {
	// ID is ours. EventID is the caller's name for it within the application; empty if it
	// has none.
	ID, AppID, EventID, EventType string
	// Payload is nil if it has expired or was expunged, or was not asked for.
	Payload []byte
	// ContentType is that of a payload that is no JSON; empty for JSON.
	ContentType    string
	Channels, Tags []string
	Timestamp      time.Time
}

// MessageIn is what a message is made of.
type MessageIn struct {
	EventType, EventID string
	// Payload is a JSON object. Its bytes are kept and delivered as they are.
	Payload json.RawMessage
	// Raw is delivered instead of the payload, if it is not nil; ContentType is what
	// it is then, by default that of JSON.
	Raw            *string
	ContentType    string
	Channels, Tags []string
	// Retention is how long it is kept, from 1 h to 90 days. Default: that of the options.
	Retention time.Duration
	// Application is made if there is none. Its UID has to be what the message names.
	Application *ApplicationIn
	// Idempotency tells repetitions of a request: who asks, a NUL, and the key of the
	// request. Empty if it has none.
	Idempotency string
}

// MessageFilter says which messages are listed. Zero values select all.
type MessageFilter struct {
	Page
	// Before and After bound when they were sent.
	Before, After time.Time
	EventTypes    []string
	Channel, Tag  string
	// WithContent asks for the payloads.
	WithContent bool
}

// MaxPayload is how many bytes a payload may have.
const MaxPayload = 2 << 20
