package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Job re-arms many deliveries to a destination, or adds them, in small steps.
type Job struct {
	// ID begins with job_ and grows with time.
	ID string
	// Kind is one of the kinds of jobs.
	Kind string
	// Destination is where they go.
	Destination string
	// Source is, of Missing, whose messages they are.
	Source string
	// Since and Until bound, for Recover, when it was given up, and for the others, when it
	// was received: from Since on, before Until. A zero Until is when the job was
	// created, and so is a later one.
	Since, Until time.Time
	// Once says that each is attempted by hand: see [Delivery.ByHand].
	Once bool
	// Filter says what Missing and Select take, as [Options].Match understands it; nil: all.
	Filter []byte
	// State is "running", "done" or "canceled".
	State string
	// Total is how many deliveries matched when the job was created, or for Missing and
	// Select how many events or deliveries there were to be looked at; Done is how many
	// of them are dealt with: all of them once the job is done.
	Total, Done int64
	// Skipped is how many of those done were left as they are: their payload is gone, or
	// Missing or Select did not take them.
	Skipped int64
	// Created and Updated are when it began and when it last made progress.
	Created, Updated time.Time
}

// The kinds of jobs.
const (
	// Recover re-arms dead letters, and Replay what was delivered.
	Recover = "recover"
	Replay  = "replay"
	// Missing adds a delivery to messages of a source that have none to the destination.
	Missing = "missing"
	// Select re-arms what is not pending for an endpoint: see [Reader.DeliveriesTo].
	Select = "select"
)

// The states of jobs.
const (
	JobRunning  = "running"
	JobDone     = "done"
	JobCanceled = "canceled"
)

// keptJobs is how many jobs are kept.
const keptJobs = 100

// ErrJobs says that as many jobs are running as are kept.
var ErrJobs = errors.New("store: too many jobs are running")

// job is a job with how far it is: behind the delivery that it dealt with last.
type job struct {
	Job
	at, seq int64 // at is when that one was settled, of a recovery
}

const (
	recoverQuery = `FROM deliveries d WHERE d.destination = ? AND d.state = 3 AND (d.settled, d.event) > (?, ?) AND d.settled < ?`
	replayQuery  = `FROM events e JOIN deliveries d ON d.event = e.seq WHERE d.destination = ? AND d.state = 2 AND d.event > ? AND e.received >= ? AND e.received < ?`
)

// begin checks a job, and puts it before the first delivery.
func (j *job) begin(now time.Time) error {
	switch {
	case j.Kind != Recover && j.Kind != Replay && j.Kind != Missing && j.Kind != Select:
		return fmt.Errorf("store: there is no kind of job called %q", j.Kind)
	case j.Destination == "":
		return errors.New("store: a job needs a destination")
	case j.Kind == Missing && j.Source == "":
		return errors.New("store: a job that adds what is missing needs a source")
	}
	if j.Kind != Missing {
		j.Source = ""
	}
	// What was settled just now is part of it.
	if last := now.Add(time.Millisecond); j.Until.IsZero() || j.Until.After(last) {
		j.Until = last
	}
	j.at, j.seq = millis(j.Since), -1
	j.State, j.Total, j.Done, j.Skipped = JobRunning, 0, 0, 0
	j.Created, j.Updated = now, now
	return nil
}

// rest is what a job still has to deal with, as the end of a query.
func (j *job) rest() (string, []any) {
	switch j.Kind {
	case Recover:
		return recoverQuery, []any{j.Destination, j.at, j.seq, millis(j.Until)}
	case Replay:
		return replayQuery, []any{j.Destination, j.seq, millis(j.Since), millis(j.Until)}
	}
	within := j.within()
	args := []any{within.lo, within.hi, within.from, within.to}
	if j.Kind == Missing {
		return missingQuery, append([]any{j.Source}, args...)
	}
	return selectQuery, append([]any{j.Destination}, args...)
}

// CountJob returns how many deliveries a job would deal with, as Job.Total says. To replay,
// all events are read through.
func (s *Store) CountJob(ctx context.Context, plan Job) (int64, error) {
	j := job{Job: plan}
	if err := j.begin(s.Now()); err != nil {
		return 0, err
	}
	from, args := j.rest()
	return s.one(ctx, "SELECT COUNT(*) "+from, args...)
}

// CreateJob notes a job, which [Store.AdvanceJob] makes progress with. Of the plan it
// takes Kind, Destination, Source, Since, Until, Once and Filter. Of 100 jobs the one goes that ended longest
// ago; if none has ended the error is [ErrJobs].
func (s *Store) CreateJob(ctx context.Context, plan Job) (Job, error) {
	j := job{Job: plan}
	if err := j.begin(s.Now()); err != nil {
		return Job{}, err
	}
	from, args := j.rest()
	total, err := s.one(ctx, "SELECT COUNT(*) "+from, args...)
	if err != nil {
		return Job{}, err
	}
	j.Total = total
	return do(ctx, s, func(tx *Tx) (Job, error) {
		if err := tx.dropJobs(); err != nil {
			return Job{}, err
		}
		numbers, err := s.db.Numbers(tx.ctx, tx, 1)
		if err != nil {
			return Job{}, fmt.Errorf("numbering: %w", err)
		}
		j.ID = "job_" + strconv.FormatInt(numbers[0], 36)
		_, err = tx.Exec(`INSERT INTO jobs (id, kind, source, since, until, state, total, done, skipped, cursor_at, cursor_seq, created, updated, destination, once, filter)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, j.ID, j.Kind, j.named(), millis(j.Since), millis(j.Until), j.State, j.Total, j.Done, j.Skipped,
			j.at, j.seq, millis(j.Created), millis(j.Updated), j.Destination, bit(j.Once), j.Filter)
		return j.Job, err
	})
}

// named is the source as earlier releases read it, which know of no other destinations.
func (j *job) named() string {
	if j.Kind == Missing {
		return j.Source
	}
	source, _ := DestinationSource(j.Destination)
	return source
}

// dropJobs makes room for one more job.
func (tx *Tx) dropJobs() error {
	var kept int
	err := tx.Query("SELECT COUNT(*) FROM jobs", nil, func(scan func(...any) error) error { return scan(&kept) })
	if err != nil || kept < keptJobs {
		return err
	}
	n, err := tx.Exec("DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state <> ? ORDER BY updated, id LIMIT ?)", JobRunning, kept-keptJobs+1)
	if err == nil && n == 0 {
		err = ErrJobs
	}
	return err
}

// AdvanceJob deals with the next n deliveries of a running job, and notes its progress
// in the same transaction. They are re-armed, unless their payload is gone. Those that
// have changed since the job was created are not among them. It returns the job as it
// is then; one that is not running stays as it is.
func (s *Store) AdvanceJob(ctx context.Context, id string, n int) (Job, error) {
	j, err := s.job(ctx, id)
	if err != nil || j.State != JobRunning {
		return j.Job, err
	}
	// What comes next is looked up outside of the transaction: it may take long.
	next, err := s.nextOf(ctx, &j, n)
	if err != nil {
		return Job{}, err
	}
	return do(ctx, s, func(tx *Tx) (Job, error) {
		now, err := tx.job(id)
		if err != nil || now.State != JobRunning || now.at != j.at || now.seq != j.seq {
			return now.Job, err
		}
		armed, err := tx.advance(&now, next.events)
		if err != nil {
			return Job{}, fmt.Errorf("job %s: %w", id, err)
		}
		if next.looked > 0 {
			now.at, now.seq = next.at, next.seq
		}
		now.Skipped += next.looked - armed
		now.Done, now.Updated = now.Done+next.looked, tx.Now
		if next.last {
			now.State, now.Done = JobDone, now.Total
		}
		return now.Job, tx.saveJob(&now)
	})
}

// advance deals with the next events of a job, and returns how many deliveries became
// pending.
func (tx *Tx) advance(j *job, events []int64) (armed int64, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	how := again{replay: j.Kind == Replay, once: j.Once}
	if j.Kind == Missing {
		if err := tx.lockWhole(events...); err != nil {
			return 0, err
		}
		return tx.add(events, j.Destination, how)
	}
	for _, from := range j.from() {
		n, err := tx.rearm(events, j.Destination, from, how)
		if err != nil {
			return 0, err
		}
		armed += n
	}
	return armed, nil
}

// from are the states of the deliveries that a job re-arms.
func (j *job) from() []State {
	switch j.Kind {
	case Recover:
		return []State{Dead}
	case Replay:
		return []State{Delivered}
	}
	return []State{Dead, Delivered}
}

// step is what a job comes to next.
type step struct {
	events  []int64 // that are to be dealt with
	looked  int64   // how many were looked at for that
	at, seq int64   // the last of those
	last    bool    // there is nothing more
}

func (s *Store) nextOf(ctx context.Context, j *job, n int) (step, error) {
	if j.Kind == Missing || j.Kind == Select {
		return s.chosen(ctx, j, n)
	}
	var next step
	from, args := j.rest()
	order := " ORDER BY d.settled, d.event LIMIT ?"
	if j.Kind == Replay {
		order = " ORDER BY d.event LIMIT ?"
	}
	err := s.Query(ctx, "SELECT d.event, d.settled "+from+order, append(args, n), func(scan func(...any) error) error {
		err := scan(&next.seq, &next.at)
		next.events = append(next.events, next.seq)
		next.looked++
		return err
	})
	next.last = next.looked < int64(n)
	return next, err
}

// CancelJob ends a running job where it is, and returns it.
func (s *Store) CancelJob(ctx context.Context, id string) (Job, error) {
	return do(ctx, s, func(tx *Tx) (Job, error) {
		j, err := tx.job(id)
		if err != nil || j.State != JobRunning {
			return j.Job, err
		}
		j.State, j.Updated = JobCanceled, tx.Now
		return j.Job, tx.saveJob(&j)
	})
}

func (tx *Tx) saveJob(j *job) error {
	_, err := tx.Exec("UPDATE jobs SET state = ?, done = ?, skipped = ?, cursor_at = ?, cursor_seq = ?, updated = ? WHERE id = ?",
		j.State, j.Done, j.Skipped, j.at, j.seq, millis(j.Updated), j.ID)
	return err
}

const jobColumns = "id, kind, source, since, until, state, total, done, skipped, cursor_at, cursor_seq, created, updated, destination, once, filter"

func scanJob(scan func(...any) error) (j job, err error) {
	var since, until, created, updated int64
	err = scan(&j.ID, &j.Kind, &j.Source, &since, &until, &j.State, &j.Total, &j.Done, &j.Skipped, &j.at, &j.seq, &created, &updated, &j.Destination, &j.Once, &j.Filter)
	if j.Destination == "" { // of an earlier release
		j.Destination = SourceDestination(j.Source)
	}
	if j.Kind != Missing {
		j.Source = ""
	}
	j.Since, j.Until, j.Created, j.Updated = moment(since), moment(until), moment(created), moment(updated)
	return j, err
}

const jobQuery = "SELECT " + jobColumns + " FROM jobs WHERE id = ?"

// Job returns a job. If there is none of that id the error is [ErrNotFound].
func (r *Reader) Job(ctx context.Context, id string) (Job, error) {
	j, err := r.job(ctx, id)
	return j.Job, err
}

func (r *Reader) job(ctx context.Context, id string) (j job, err error) {
	return oneJob(id, func(row func(func(...any) error) error) error { return r.Query(ctx, jobQuery, []any{id}, row) })
}

func (tx *Tx) job(id string) (job, error) {
	return oneJob(id, func(row func(func(...any) error) error) error {
		return tx.Query(jobQuery+tx.store.dialect.Lock, []any{id}, row)
	})
}

func oneJob(id string, query func(row func(scan func(...any) error) error) error) (j job, err error) {
	found := false
	err = query(func(scan func(...any) error) (err error) {
		found = true
		j, err = scanJob(scan)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("job %q: %w", id, ErrNotFound)
	}
	return j, err
}

// Jobs returns the jobs that are kept, the newest first.
func (r *Reader) Jobs(ctx context.Context) (jobs []Job, err error) {
	err = r.Query(ctx, "SELECT "+jobColumns+" FROM jobs ORDER BY created DESC, id DESC", nil, func(scan func(...any) error) error {
		j, err := scanJob(scan)
		jobs = append(jobs, j.Job)
		return err
	})
	return jobs, err
}
