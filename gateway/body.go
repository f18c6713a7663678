package gateway

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync/atomic"
)

// firstChunk is what a body is given before its first byte has arrived, so that
// a thousand connections that promise a megabyte and send nothing hold little.
const firstChunk = 4 << 10

// Budget bounds the memory that bodies hold before they are verified and, where
// events are stored, until they are: all of them together. It is safe for concurrent
// use.
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
	for {
		used := b.used.Load()
		if n > b.limit.Load()-used {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

func (b *Budget) give(n int64) { b.used.Add(-n) }

// reservation is what one request holds of a budget.
type reservation struct {
	budget *Budget
	n      int64
}

// grow makes room for n bytes in place of those held. While a body grows both
// are in memory, and both count.
func (h *reservation) grow(n int64) error {
	if !h.budget.take(n) {
		return refuse(unavailable, errBudget)
	}
	h.budget.give(h.n)
	h.n = n
	return nil
}

// release gives all back; further calls do nothing.
func (h *reservation) release() {
	h.budget.give(h.n)
	h.n = 0
}

var errBudget = errors.New("unverified bodies hold all of body_memory")

// readBody reads the whole body, at most most bytes, into memory that grows as
// bytes arrive. What it holds is the reservation's, also when there is an error.
// The body is whole or there is an error: one cut off never looks complete.
func (h *reservation) readBody(r *http.Request, most int64) ([]byte, error) {
	if r.ContentLength > most {
		return nil, refuse(payloadTooLarge, fmt.Errorf("%d bytes are declared, %d allowed", r.ContentLength, most))
	}
	// One byte more than the body has, so that its end is seen without growing;
	// one more than is allowed, so that the excess is.
	largest := most
	if largest < math.MaxInt64 {
		largest++
	}
	size := min(firstChunk, largest)
	if r.ContentLength >= 0 {
		size = min(size, r.ContentLength+1)
	}
	if err := h.grow(size); err != nil {
		return nil, err
	}
	body := make([]byte, 0, size)
	for {
		if len(body) == cap(body) {
			size = min(2*size, largest)
			if err := h.grow(size); err != nil {
				return nil, err
			}
			body = append(make([]byte, 0, size), body...)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > most {
			return nil, refuse(payloadTooLarge, fmt.Errorf("more than %d bytes arrived", most))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, readError(err)
		}
	}
	// Another handler may have read the body before us and put back less.
	if r.ContentLength >= 0 && int64(len(body)) != r.ContentLength {
		return nil, refuse(malformedBody, fmt.Errorf("%d bytes of %d arrived", len(body), r.ContentLength))
	}
	return body, nil
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
