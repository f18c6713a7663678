package sender

import "time"

// Attempt is one try to bring a message to an endpoint.
type Attempt struct {
	ID, MsgID, EndpointID string
	// URL is the endpoint's as it is now.
	URL string
	// Response is the beginning of the response's body; of an attempt without response
	// what went wrong.
	Response   string
	StatusCode int // 0 without response
	Took       time.Duration
	// Status is StatusSuccess or StatusFail.
	Status Status
	// ByHand says that somebody has asked for it.
	ByHand    bool
	Timestamp time.Time
	// Error says what went wrong; empty if nothing did.
	Error string
	// Exchange is what was said, in detail; nil if nobody was asked, or it was not asked for.
	Exchange *Exchange
	// Message is there if it was asked for.
	Message *Message
}

// Status is how far a message is on its way to an endpoint.
type Status int

// The statuses, as the API numbers them.
const (
	StatusSuccess Status = iota
	StatusPending
	StatusFail
	StatusSending
	StatusCanceled
)

// String returns the status as the API spells it.
func (s Status) String() string {
	switch s {
	case StatusSuccess:
		return "success"
	case StatusPending:
		return "pending"
	case StatusFail:
		return "fail"
	case StatusSending:
		return "sending"
	case StatusCanceled:
		return "canceled"
	}
	return "unknown"
}

// AttemptFilter says which attempts, or attempted messages, are listed. Zero values
// select all.
type AttemptFilter struct {
	Page
	Before, After time.Time
	Status        *Status
	// StatusCodeClass is 0 for attempts without response, 100 to 500 else.
	StatusCodeClass *int
	EventTypes      []string
	Channel, Tag    string
	// EndpointID, of attempts of a message, is the endpoint's id or uid.
	EndpointID string
	// WithContent asks for the responses and payloads, WithMessage for the messages.
	WithContent, WithMessage bool
}

// EndpointMessage is a message as it stands at an endpoint.
type EndpointMessage struct {
	Message
	Status      Status
	NextAttempt time.Time // zero if there is none
}

// MessageEndpoint is an endpoint as a message stands at it.
type MessageEndpoint struct {
	Endpoint
	Status      Status
	NextAttempt time.Time // zero if there is none
}
