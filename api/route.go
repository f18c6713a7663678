package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// Access is whose tokens an operation takes.
type Access int

// The accesses.
const (
	// Public operations take no token.
	Public Access = iota
	// Everybody with a token.
	Everybody
	// Owners are the organisation, and the application that the path names.
	Owners
	// Organisations are the organisation and the operator.
	Organisations
	// Applications are tokens of applications only.
	Applications
)

// route is a row of the table: an operation of the API.
type route struct {
	// operation is its name, which SDKs' methods are named after.
	operation    string
	method, path string
	access       Access
	// needs is what a token of an application has to be capable of.
	needs Capability
	// statuses are those of success, the usual one first.
	statuses []int
	params   []param
	handler
	about string
}

// handler is what a route does. One of its functions is there, which is called with
// the body of the request: a pointer to what in says.
type handler struct {
	in, out reflect.Type
	body    func(http.ResponseWriter, *http.Request) (any, error)
	// read changes nothing, or is idempotent by itself.
	read func(*call, any) (answer, error)
	// act changes something in transactions of its own.
	act func(*call, any) (answer, error)
	// change changes something in the transaction it is given.
	change func(*call, *store.Tx, any) (answer, error)
}

// answer is what a call is answered with. Without a body it has none at all.
type answer struct {
	status int
	body   any
}

// call is a request on its way through a route.
type call struct {
	*API
	ctx context.Context
	r   *http.Request
	// header is that of the answer.
	header http.Header
	token  Token // zero on public routes
	query  *query
	// app is how the path names the application.
	app string
	// idempotency is the Idempotency-Key.
	idempotency string
}

// path returns a part of the path.
func (c *call) path(name string) string { return c.r.PathValue(name) }

func reading[Out any](do func(*call) (int, Out, error)) handler {
	return readingIn(func(c *call, _ *none) (int, Out, error) { return do(c) })
}

func readingIn[In, Out any](do func(*call, *In) (int, Out, error)) handler {
	return handler{in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](), body: readBody[In], read: func(c *call, in any) (answer, error) {
		status, out, err := do(c, in.(*In))
		return answerOf(status, out), err
	}}
}

func acting[In, Out any](do func(*call, *In) (int, Out, error)) handler {
	h := readingIn(do)
	h.act, h.read = h.read, nil
	return h
}

func changing[In, Out any](do func(*call, *store.Tx, *In) (int, Out, error)) handler {
	return handler{in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](), body: readBody[In], change: func(c *call, tx *store.Tx, in any) (answer, error) {
		status, out, err := do(c, tx, in.(*In))
		return answerOf(status, out), err
	}}
}

func answerOf[Out any](status int, out Out) answer {
	if _, ok := any(out).(none); ok {
		return answer{status: status}
	}
	return answer{status: status, body: out}
}

// listResponse is a page of a list.
type listResponse[T any] struct {
	Data         []T     `json:"data"`
	Iterator     *string `json:"iterator"`
	PrevIterator *string `json:"prevIterator,omitzero"`
	Done         bool    `json:"done"`
}

// listOf writes a page of a list.
func listOf[T, Out any](list sender.List[T], out func(*T) Out) listResponse[Out] {
	l := listResponse[Out]{
		Data: make([]Out, 0, len(list.Data)), Iterator: textOr(list.Iterator), PrevIterator: textOr(list.PrevIterator), Done: list.Done,
	}
	for i := range list.Data {
		l.Data = append(l.Data, out(&list.Data[i]))
	}
	return l
}
