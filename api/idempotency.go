package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hookgate/hookgate/store"
)

// replyLife is how long the answer to a request with an Idempotency-Key is kept.
const replyLife = 12 * time.Hour

// digest is a SHA-256.
type digest = [sha256.Size]byte

// sweepEvery is how often what has expired is deleted, on the occasion of a change.
const sweepEvery = time.Minute

// errRaced says that another gateway is answering the same request.
var errRaced = errors.New("api: the same request is being answered")

// request is what tells repetitions of a request: who asks, the key, and what for. The
// body is not part of it, as with Svix: the same key with another body gets the first
// answer.
func (c *call) request() digest {
	return sha256.Sum256([]byte(c.subject() + "\x00" + c.idempotency + "\x00" + c.r.URL.EscapedPath() + "?" + c.r.URL.RawQuery))
}

// changeOnce makes a change and keeps its answer in one transaction; or it returns
// the answer that was kept. Only success is kept: what fails undoes the row, too.
func (c *call) changeOnce(rt *route, in any) (answer, error) {
	var err error
	for range 3 {
		var got answer
		err = c.store.Do(c.ctx, func(tx *store.Tx) (err error) {
			got, err = c.changeIn(tx, rt, in)
			return err
		})
		if err == nil {
			return got, nil
		}
		if !errors.Is(err, errRaced) {
			break
		}
	}
	return answer{}, err // got may be written yet, if nobody waited for it
}

func (c *call) changeIn(tx *store.Tx, rt *route, in any) (answer, error) {
	if err := c.sweepSometimes(tx); err != nil {
		return answer{}, err
	}
	request := c.request()
	now := c.now()
	var kept reply
	err := tx.Query(replyQuery, []any{request[:], now.UnixMilli()}, kept.scan)
	switch {
	case err != nil:
		return answer{}, fmt.Errorf("looking a reply up: %w", err)
	case kept.status != 0:
		return c.open(request, kept)
	}
	// The row comes first: if another gateway writes the same, this one waits for it.
	_, err = tx.Exec("DELETE FROM api_replies WHERE request = ? AND expires <= ?", request[:], now.UnixMilli())
	if err != nil {
		return answer{}, fmt.Errorf("deleting an old reply: %w", err)
	}
	n, err := tx.Exec("INSERT INTO api_replies (request, status, body, expires) VALUES (?, 0, ?, ?) ON CONFLICT DO NOTHING",
		request[:], []byte{}, now.Add(replyLife).UnixMilli())
	switch {
	case err != nil:
		return answer{}, fmt.Errorf("keeping a reply: %w", err)
	case n == 0:
		return answer{}, errRaced
	}
	got, err := rt.change(c, tx, in)
	if err != nil {
		return answer{}, err
	}
	body, err := encode(got, c.r)
	if err != nil {
		return answer{}, err
	}
	_, err = tx.Exec("UPDATE api_replies SET status = ?, body = ? WHERE request = ?", got.status, c.keys.Seal(owner(request), body), request[:])
	if err != nil {
		return answer{}, fmt.Errorf("keeping a reply: %w", err)
	}
	return kept.answer(got.status, body), nil
}

// actOnce does what changes something in transactions of its own, and keeps the answer
// then. Repetitions that come meanwhile wait for it, in this process; what acts has to
// be such that doing it twice does no harm.
func (c *call) actOnce(rt *route, in any) (answer, error) {
	request := c.request()
	leave, err := c.flights.enter(c.ctx, request)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	var kept reply
	if err := c.store.Query(c.ctx, replyQuery, []any{request[:], c.now().UnixMilli()}, kept.scan); err != nil {
		return answer{}, fmt.Errorf("looking a reply up: %w", err)
	}
	if kept.status != 0 {
		return c.open(request, kept)
	}
	got, err := rt.act(c, in)
	if err != nil {
		return answer{}, err
	}
	body, err := encode(got, c.r)
	if err != nil {
		return answer{}, err
	}
	err = c.store.Do(c.ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO api_replies (request, status, body, expires) VALUES (?, ?, ?, ?)
ON CONFLICT (request) DO UPDATE SET status = excluded.status, body = excluded.body, expires = excluded.expires`,
			request[:], got.status, c.keys.Seal(owner(request), body), c.now().Add(replyLife).UnixMilli())
		return err
	})
	if err != nil { // it is done all the same
		c.logger.Warn("the reply to a request is not kept", slog.Any("error", err))
	}
	return kept.answer(got.status, body), nil
}

// replyQuery finds a reply that was kept. Those without status are being made.
const replyQuery = "SELECT status, body FROM api_replies WHERE request = ? AND expires > ? AND status > 0"

// reply is an answer as it is kept.
type reply struct {
	status int
	body   []byte
}

func (r *reply) scan(scan func(...any) error) error { return scan(&r.status, &r.body) }

// answer is one of a status and the JSON of a body, of which none is empty.
func (reply) answer(status int, body []byte) answer {
	if len(body) == 0 {
		return answer{status: status}
	}
	return answer{status: status, body: replay(body)}
}

// open reads a reply that was kept.
func (c *call) open(request digest, kept reply) (answer, error) {
	body, err := c.keys.Open(owner(request), kept.body)
	if err != nil {
		return answer{}, fmt.Errorf("opening a reply: %w", err)
	}
	return kept.answer(kept.status, body), nil
}

// owner is what a reply is sealed for: it cannot be read as the reply to another request.
func owner(request digest) string { return "api reply " + hex.EncodeToString(request[:]) }

// sweepSometimes deletes what has expired, if that was not done lately.
func (a *API) sweepSometimes(tx *store.Tx) error {
	now, last := a.now().UnixMilli(), a.swept.Load()
	if now-last < sweepEvery.Milliseconds() || !a.swept.CompareAndSwap(last, now) {
		return nil
	}
	return a.sweep(tx)
}

// Sweep deletes what has expired: codes, kept replies, and what tells tokens that were
// revoked. Changes do so, too, once a minute.
func (a *API) Sweep(ctx context.Context) error { return a.store.Do(ctx, a.sweep) }

// flights are the requests that are being answered.
type flights struct {
	mu sync.Mutex
	m  map[digest]chan struct{}
}

// enter waits until no other like this one is being answered.
func (f *flights) enter(ctx context.Context, request digest) (leave func(), err error) {
	for {
		f.mu.Lock()
		before, busy := f.m[request]
		if !busy {
			done := make(chan struct{})
			f.m[request] = done
			f.mu.Unlock()
			return func() {
				f.mu.Lock()
				delete(f.m, request)
				f.mu.Unlock()
				close(done)
			}, nil
		}
		f.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
