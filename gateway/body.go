package gateway

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// firstChunk is what a body is given before its first byte has arrived, so that
// a thousand connections that promise a megabyte and send nothing hold little.
const firstChunk = 4 << 10

// Budget bounds the memory that bodies hold before they are verified: all of
// them together. It is safe for concurrent use.
type Budget struct {
	limit, used atomic.Int64
}

// NewBudget returns a budget of that many bytes.
func NewBudget(limit int64) *Budget {
	b := new(Budget)
	b.limit.Store(limit)
	return b
}

// SetLimit changes the limit; what is held stays held.
func (b *Budget) SetLimit(limit int64) { b.limit.Store(limit) }

// Used returns the bytes held now.
func (b *Budget) Used() int64 { return b.used.Load() }

// Full reports whether not even a small body would find room.
func (b *Budget) Full() bool { return b.used.Load()+firstChunk > b.limit.Load() }

func (b *Budget) take(n int64) bool {
	if b.used.Add(n) > b.limit.Load() {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *Budget) give(n int64) { b.used.Add(-n) }

var errBudget = errors.New("unverified bodies hold all of body_memory")

// readBody reads the whole body, at most most bytes, into memory that grows as
// bytes arrive. It returns what it holds of the budget, to be given back by the
// caller also when there is an error. The body is whole or there is an error:
// one cut off never looks complete.
func (b *Budget) readBody(r *http.Request, most int64) (body []byte, held int64, err error) {
	if r.ContentLength > most {
		return nil, 0, refuse(payloadTooLarge, fmt.Errorf("%d bytes are declared, %d allowed", r.ContentLength, most))
	}
	// One byte more than the body has, so that its end is seen without growing;
	// one more than is allowed, so that the excess is.
	size := min(firstChunk, most+1)
	if r.ContentLength >= 0 {
		size = min(size, r.ContentLength+1)
	}
	if !b.take(size) {
		return nil, 0, refuse(unavailable, errBudget)
	}
	body, held = make([]byte, 0, size), size
	for {
		if len(body) == cap(body) {
			size = min(2*size, most+1)
			if !b.take(size) {
				return nil, held, refuse(unavailable, errBudget)
			}
			grown := make([]byte, len(body), size)
			copy(grown, body)
			body = grown
			b.give(held)
			held = size
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > most {
			return nil, held, refuse(payloadTooLarge, fmt.Errorf("more than %d bytes arrived", most))
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, held, readError(err)
		}
	}
	// Another handler may have read the body before us and put back less.
	if r.ContentLength >= 0 && int64(len(body)) != r.ContentLength {
		return nil, held, refuse(malformedBody, fmt.Errorf("%d bytes of %d arrived", len(body), r.ContentLength))
	}
	return body, held, nil
}

func readError(err error) error {
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &tooLarge):
		return refuse(payloadTooLarge, err)
	case errors.As(err, &network) && network.Timeout():
		return refuse(requestTimeout, errors.New("the body did not arrive in read_timeout"))
	default:
		return refuse(malformedBody, fmt.Errorf("reading the body: %w", err))
	}
}
