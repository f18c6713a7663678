package api

import (
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookgate/hookgate/sender"
)

// field is a value of a body that may be absent, null, or there: a patch tells them
// apart. Everywhere else null is as good as absent.
type field[T any] struct {
	set, null bool
	value     T
}

// UnmarshalJSONFrom is called for fields that are there.
func (f *field[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	f.set = true
	if dec.PeekKind() == 'n' {
		f.null = true
		return dec.SkipValue()
	}
	return json.UnmarshalDecode(dec, &f.value)
}

// has reports whether there is a value.
func (f *field[T]) has() bool { return f.set && !f.null }

// or returns the value, else another.
func (f *field[T]) or(other T) T {
	if f.has() {
		return f.value
	}
	return other
}

// patch returns what a patch says of something that cannot be unset: nil, if nothing.
func (f *field[T]) patch() *T {
	if !f.has() {
		return nil
	}
	return &f.value
}

// optional returns what a patch says of something that null unsets.
func (f *field[T]) optional() *sender.Optional[T] {
	if !f.set {
		return nil
	}
	return &sender.Optional[T]{Value: f.value, Set: !f.null}
}

// either returns the field of the newer name, if it is there, else that of the older.
func either[T any](newer, older field[T]) field[T] {
	if newer.set {
		return newer
	}
	return older
}

// anyField is a field of whatever type.
type anyField interface {
	has() bool
	content() reflect.Value
}

func (f *field[T]) content() reflect.Value { return reflect.ValueOf(&f.value).Elem() }

// contentType is the type of the value in a field, and whether it is a field.
func contentType(t reflect.Type) (reflect.Type, bool) {
	if f, ok := reflect.New(t).Interface().(anyField); ok {
		return f.content().Type(), true
	}
	return t, false
}
