package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/hookgate/hookgate/store"
)

// The tables are filled from arrays, one for each column, so that a statement is the
// same for any number of rows and planned once. "(… IN (SELECT …)) IS TRUE" is looked
// up in a hash whatever the plan; a join of what has no statistics might not be, which is
// why deliveries find their event in an array, by its place in the batch. And
// "state + 0 = 1" keeps the index of what waits from being taken for that of the keys.
const (
	acceptQuery = `WITH known AS (
	SELECT p.i FROM unnest($1::bytea[], $2::int[]) p (place, i) WHERE EXISTS (SELECT 1 FROM events e WHERE e.place = p.place)
), a AS (
	SELECT CASE WHEN (u.i IN (SELECT i FROM known)) IS TRUE THEN 0 ELSE nextval('event_numbers') END AS seq, u.*
	FROM unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bytea[], $13::bytea[], $14::boolean[], $15::bigint[], $16::bytea[], $17::bytea[])
		u (i, source, id, type, scheme, stamp, received, size, keep, place, digest, kept, sum, head, body)
), fresh AS (
	INSERT INTO events (seq, source, id, type, scheme, stamp, received, size, keep, place, body)
	SELECT seq, source, id, type, scheme, stamp, received, size, keep, place, digest FROM a WHERE seq > 0 ORDER BY place
	ON CONFLICT DO NOTHING RETURNING seq
), kept AS (
	INSERT INTO payloads (seq, sum, head, body)
	SELECT seq, sum, head, body FROM a WHERE kept AND (seq IN (SELECT seq FROM fresh)) IS TRUE
), t AS (
	SELECT (SELECT array_agg(seq ORDER BY i) FROM a)[u.i + 1] AS seq, u.n, u.destination, u.owner
	FROM unnest($18::int[], $19::int[], $20::text[], $21::bigint[]) u (i, n, destination, owner)
), sent AS (
	INSERT INTO deliveries (event, n, destination, state, armed, due, owner)
	SELECT seq, n, destination, 1, $22::bigint, $22::bigint, owner FROM t WHERE (seq IN (SELECT seq FROM fresh)) IS TRUE
)
SELECT i, seq FROM a WHERE (seq IN (SELECT seq FROM fresh)) IS TRUE`

	settleQuery = `WITH o AS (
	SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::bigint[], $14::bigint[], $15::text[], $16::bigint[], $17::text[], $18::bytea[], $19::text[], $20::bigint[])
		o (i, event, n, destination, owner, state, step, number, due, last, settled, reason, started, took, outcome, status, error, response, listed, by_hand)
), done AS (
	UPDATE deliveries d SET state = o.state, step = o.step, attempts = GREATEST(d.attempts, o.number), due = o.due, last = o.last, settled = o.settled, reason = o.reason, owner = 0
	FROM o WHERE d.event = o.event AND d.n = o.n AND d.state + 0 = 1 AND d.destination = o.destination AND d.owner = o.owner RETURNING o.i
), tried AS (
	INSERT INTO attempts (event, n, number, started, took, outcome, status, error, response, destination, by_hand)
	SELECT event, n, number, started, took, outcome, status, error, response, listed, by_hand FROM o WHERE number > 0 AND (i IN (SELECT i FROM done)) IS TRUE
	ON CONFLICT (event, n, number) DO UPDATE SET started = excluded.started, took = excluded.took, outcome = excluded.outcome,
		status = excluded.status, error = excluded.error, response = excluded.response, destination = excluded.destination, by_hand = excluded.by_hand
)
SELECT i FROM done`
)

// Express sends a whole batch at once, as one transaction.
func (d *Database) Express(ctx context.Context, b *store.Batch) error {
	if d.writer == nil {
		return fmt.Errorf("%w: %w", store.ErrFailed, errClosed)
	}
	err := d.writer.Raw(func(c any) error {
		conn, ok := c.(*stdlib.Conn)
		if !ok {
			return errors.New("postgres: another driver")
		}
		batch := &pgx.Batch{}
		if len(b.Newcomers) > 0 {
			batch.Queue(acceptQuery, newcomers(b)...).Query(stored(b))
		}
		if len(b.Settlements) > 0 {
			batch.Queue(settleQuery, settlements(b)...).Query(done(b))
		}
		return conn.Conn().SendBatch(ctx, batch).Close()
	})
	return classify(err)
}

// stored reads under which numbers newcomers were stored.
func stored(b *store.Batch) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var i int
		var seq int64
		_, err := pgx.ForEachRow(rows, []any{&i, &seq}, func() error {
			b.Newcomers[i].Seq = seq
			return nil
		})
		return err
	}
}

// done reads which outcomes were written.
func done(b *store.Batch) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var i int
		_, err := pgx.ForEachRow(rows, []any{&i}, func() error {
			b.Settlements[i].Done = true
			return nil
		})
		return err
	}
}

// newcomers are the arguments of acceptQuery.
func newcomers(b *store.Batch) []any {
	n := len(b.Newcomers)
	var places [][]byte
	var of []int32
	index, size, sum, kept := make([]int32, n), make([]int64, n), make([]int64, n), make([]bool, n)
	stamp, received, keep := make([]int64, n), make([]int64, n), make([]int64, n)
	source, id, kind, scheme := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	place, digest, head, body := make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
	event, number, destination, owner := make([]int32, 0, n), make([]int32, 0, n), make([]string, 0, n), make([]int64, 0, n) // of the deliveries
	for i := range b.Newcomers {
		a := &b.Newcomers[i]
		for j := 1; j < len(a.Places); j++ { // its own place the index finds
			places, of = append(places, a.Places[j][:]), append(of, int32(i))
		}
		if len(a.Places) > 0 {
			place[i], digest[i] = a.Places[0][:], a.Key.Body[:]
		}
		for k := range a.To {
			event, number, destination, owner = append(event, int32(i)), append(number, int32(k)), append(destination, text(a.To[k].Destination)), append(owner, a.OwnerOf(k))
		}
		index[i], sum[i], size[i], kept[i] = int32(i), a.Sum, int64(len(a.Body)), a.Kept
		stamp[i], received[i], keep[i] = millis(a.Timestamp), millis(a.Received), a.Window.Milliseconds()
		source[i], id[i], kind[i], scheme[i] = text(a.Source), text(a.ID), text(a.Type), text(a.Scheme)
		head[i], body[i] = blob(a.Head), blob(a.Body)
	}
	return []any{places, of, index, source, id, kind, scheme, stamp, received, size, keep, place, digest, kept, sum, head, body, event, number, destination, owner, millis(b.Now)}
}

// settlements are the arguments of settleQuery.
func settlements(b *store.Batch) []any {
	n := len(b.Settlements)
	index, event, number, owner, state, step, tries := make([]int32, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	due, last, settled, started, took, status := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	destination, reason, outcome, failure, listed, byHand := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]int64, n)
	response := make([][]byte, n)
	for i := range b.Settlements {
		o := b.Settlements[i].Outcome
		index[i], event[i], number[i], owner[i] = int32(i), o.ID.Seq, int64(o.ID.N), o.Owner
		state[i], step[i], destination[i], reason[i] = int64(o.State), int64(o.Step), o.Destination, text(o.Reason)
		due[i], last[i] = millis(o.Due), millis(o.At)
		if o.State != store.Pending {
			settled[i] = millis(o.At)
		}
		if a := o.Attempt; a != nil {
			tries[i], started[i], took[i], status[i] = int64(a.Number), millis(a.Started), a.Took.Milliseconds(), int64(a.Status)
			outcome[i], failure[i], response[i] = text(a.Outcome), text(a.Error), a.Response
			if o.Listed {
				listed[i] = o.Destination
			}
			if a.ByHand {
				byHand[i] = 1
			}
		}
	}
	return []any{index, event, number, destination, owner, state, step, tries, due, last, settled, reason, started, took, outcome, status, failure, response, listed, byHand}
}

// millis is how package store writes times.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// blob makes none an empty one: it is no NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
