package sender

import "time"

// Application is one whose endpoints get its messages: a tenant.
type Application struct {
	// ID is ours. UID is the caller's name for it, by which it may be called, too; empty
	// if it has none.
	ID, UID, Name string
	// RateLimit is how many attempts a second each endpoint gets at most that says
	// nothing else; 0 for any number.
	RateLimit        int
	Metadata         map[string]string
	Created, Updated time.Time
}

// ApplicationIn is what an application is made of.
type ApplicationIn struct {
	Name, UID string
	RateLimit int
	Metadata  map[string]string
}

// ApplicationPatch is what is changed of an application: nil is left alone.
type ApplicationPatch struct {
	Name      *string
	UID       *Optional[string]
	RateLimit *Optional[int]
	Metadata  *map[string]string
}

// Optional is a value of a patch that can also be unset: Set says which.
type Optional[T any] struct {
	Value T
	Set   bool
}

// or returns what an optional value of a patch makes of the one before.
func (o *Optional[T]) or(before T) T {
	if o == nil {
		return before
	}
	if !o.Set {
		var none T
		return none
	}
	return o.Value
}

// or returns what a value of a patch makes of the one before.
func or[T any](value *T, before T) T {
	if value == nil {
		return before
	}
	return *value
}
