package dedupe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Why an event could not be claimed.
var (
	// ErrDuplicate: the event was committed, within the window.
	ErrDuplicate = errors.New("dedupe: the event is a duplicate")
	// ErrInProgress: the event is still in flight at the end of the wait, or too
	// many copies wait for it already. How it ends is open.
	ErrInProgress = errors.New("dedupe: the event is still in progress")
	// ErrFull: all places are taken by events in flight or protected. None of them
	// may be forgotten, so nothing more can be remembered.
	ErrFull = errors.New("dedupe: the memory is full of events too young to forget")
)

// maxWaiters bounds the copies that wait for one event, each of which holds a
// request open.
const maxWaiters = 256

// Claim is the right to handle an event, held by one caller at a time. It is
// settled by the first Commit or Release; all further calls do nothing, so a
// deferred Release covers every way out. A claim that is never settled keeps its
// event in flight, and its place taken, for good.
//
// The methods are safe for concurrent use, never block for long and cannot fail.
type Claim struct {
	// Conflict reports that another body holds the id: it is signed, so the sender
	// has used it twice. When that body is forgotten or released, the id is free,
	// and the next body to come holds it.
	Conflict bool

	memory      *Memory
	place, body Digest
	waiters     []chan *Claim // longest-waiting first; each is answered once
}

// Claim claims the event that k names. It returns a claim, which the caller has to
// settle, or an error: [ErrDuplicate], [ErrInProgress], [ErrFull], or one that
// wraps ctx.Err().
//
// If the event is in flight, Claim waits until it is settled, for the duration
// wait at most (in real time, not by the memory's clock) and as long as ctx is not
// done. Once it is committed, all who wait get ErrDuplicate; once it is released,
// the one who has waited longest gets the claim, and the others go on waiting. At
// most 256 wait for one event. Without waiting, ctx is not looked at.
//
// If k has the ID of a known event but another Body, it is an event of its own,
// and its claim says Conflict.
//
// A new claim takes one of the memory's places. If none is free, the oldest event
// that is not protected is forgotten for it; only if there is no such event, the
// memory is full. A copy of a known event makes the memory forget nothing.
func (m *Memory) Claim(ctx context.Context, k Key, wait time.Duration) (*Claim, error) {
	c, turn, err := m.enter(k, wait)
	if turn == nil {
		return c, err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case next := <-turn:
		return answer(next)
	case <-timer.C:
		err = ErrInProgress
	case <-ctx.Done():
		err = fmt.Errorf("dedupe: waiting for an event in progress: %w", ctx.Err())
	}
	if m.leave(c.place, turn) {
		return nil, err
	}
	// The answer came as we gave up. Nobody else has it, so it cannot be dropped.
	next := <-turn
	if next != nil && ctx.Err() != nil {
		next.Release()
		return nil, err
	}
	return answer(next)
}

// answer reads what a waiter is told: its claim, or nil if the event is committed.
func answer(c *Claim) (*Claim, error) {
	if c == nil {
		return nil, ErrDuplicate
	}
	return c, nil
}

// enter claims the event or says why not; or, if turn is not nil, lines up for c,
// which holds it.
func (m *Memory) enter(k Key, wait time.Duration) (c *Claim, turn chan *Claim, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now().UnixNano()

	place := k.ID
	body, holder, known := m.look(place, now)
	conflict := known && body != k.Body
	if !known || conflict {
		// Look aside even if the id's own place is free: the body that was there when
		// this one came may have been released or forgotten since.
		aside := k.aside()
		if _, holder, known = m.look(aside, now); known || conflict {
			place = aside
		}
	}
	if !known {
		if !m.makeRoom(now) {
			return nil, nil, ErrFull
		}
		c = &Claim{Conflict: conflict, memory: m, place: place, body: k.Body}
		m.flights[place] = c
		return c, nil, nil
	}
	if holder == nil {
		return nil, nil, ErrDuplicate
	}
	if wait <= 0 || len(holder.waiters) == maxWaiters {
		return nil, nil, ErrInProgress
	}
	turn = make(chan *Claim, 1) // so that answering never blocks
	holder.waiters = append(holder.waiters, turn)
	return holder, turn, nil
}

// leave gives up a turn at a place. It reports false if the turn has been answered:
// under the lock, a turn is either in line or has its answer.
func (m *Memory) leave(place Digest, turn chan *Claim) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	holder := m.flights[place]
	if holder == nil {
		return false
	}
	i := slices.Index(holder.waiters, turn)
	if i < 0 {
		return false
	}
	holder.waiters = slices.Delete(holder.waiters, i, i+1)
	return true
}

// Commit says that the event has been handled: it is remembered from now on, and
// all who wait for it learn that they have a duplicate.
func (c *Claim) Commit() {
	m := c.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.flights[c.place] != c {
		return // settled before
	}
	delete(m.flights, c.place)
	m.remembered.add(c.place, entry{body: c.body, committed: m.now().UnixNano()})
	for _, turn := range c.waiters {
		close(turn)
	}
}

// Release says that the event has not been handled: the copy that has waited
// longest takes over; if there is none, the event is unknown again.
func (c *Claim) Release() {
	m := c.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.flights[c.place] != c {
		return // settled before
	}
	if len(c.waiters) == 0 {
		delete(m.flights, c.place)
		return
	}
	// A claim of its own, so that settling this one again cannot touch it.
	next := &Claim{Conflict: c.Conflict, memory: m, place: c.place, body: c.body, waiters: c.waiters[1:]}
	m.flights[c.place] = next
	c.waiters[0] <- next
}
