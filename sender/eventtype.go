package sender

import (
	"encoding/json"
	"time"
)

// EventType describes messages of a type. A message may be of a type that nobody has
// described, but an endpoint can only select described ones.
type EventType struct {
	Name, Description, GroupName string
	// Archived says that it is not used any more, Deprecated that it should not be.
	Archived, Deprecated bool
	// Schemas are JSON Schemas of draft 7 by version, with examples; nil if there are
	// none.
	Schemas json.RawMessage
	// FeatureFlags are what a caller needs one of to see it; nil for everybody.
	FeatureFlags     []string
	Created, Updated time.Time
}

// EventTypeIn is what an event type is made of.
type EventTypeIn struct {
	Name, Description, GroupName string
	Archived, Deprecated         bool
	Schemas                      json.RawMessage
	FeatureFlags                 []string
}

// EventTypePatch is what is changed of an event type: nil is left alone.
type EventTypePatch struct {
	Description          *string
	GroupName            *Optional[string]
	Archived, Deprecated *bool
	Schemas              *Optional[json.RawMessage]
	FeatureFlags         *Optional[[]string]
}
