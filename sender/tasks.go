package sender

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/store"
)

// maxRecover is how far back it may be recovered, with what calls may take.
const maxRecover = 14*24*time.Hour + 5*time.Minute

// jobFilter is the filter of the store's jobs that are tasks.
type jobFilter struct {
	// Task is its kind.
	Task     string   `json:"task"`
	States   []string `json:"states,omitempty"` // of deliveries
	Types    []string `json:"types,omitempty"`
	Channels string   `json:"channels,omitempty"` // those of the endpoint, as stored
	Takes    string   `json:"takes,omitempty"`    // the types that it takes, as stored
	Channel  string   `json:"channel,omitempty"`
	Tag      string   `json:"tag,omitempty"`
	Class    *int     `json:"class,omitempty"` // of the last response's status
}

// Match decides what the store's jobs of a sender take; it is what [store.Options] wants.
func Match(filter []byte, d *store.Delivery) bool {
	var f jobFilter
	if len(filter) == 0 {
		return true
	}
	if err := json.Unmarshal(filter, &f); err != nil {
		return false
	}
	if len(f.States) > 0 && !slices.Contains(f.States, d.State.String()) || f.Class != nil && d.Status/100*100 != *f.Class {
		return false
	}
	if !takes(f.Takes, d.Type) {
		return false
	}
	if f.Channels != "" {
		if h, err := readHead(d.Head); err != nil || !takes(f.Channels, h.Channels...) {
			return false
		}
	}
	return chosen{f.Types, f.Channel, f.Tag}.has(d)
}

// window checks the time that a task is about.
func (s *Sender) window(since, until *time.Time) error {
	now := s.Now()
	if until.IsZero() {
		*until = now
	}
	switch {
	case since.IsZero():
		return invalid("since", "it has to be given")
	case !since.Before(*until):
		return invalid("since", "it has to be before until")
	case until.Sub(*since) > maxRecover:
		return invalid("since", "it has to be within two weeks before until")
	}
	return nil
}

// Recover sends those messages of a time again to an endpoint that were given up, each
// once. While such a task runs, no other is begun: the one that runs is returned.
func (s *Sender) Recover(ctx context.Context, app, ep string, since, until time.Time) (Task, error) {
	if err := s.window(&since, &until); err != nil {
		return Task{}, err
	}
	return s.begin(ctx, app, ep, store.Job{Kind: store.Select, Since: since, Until: until}, jobFilter{Task: TaskRecover, States: []string{store.Dead.String()}})
}

// ReplayMissing sends those messages of a time to an endpoint that were never sent to it,
// as far as it takes them now, each once. Else it is as Recover.
func (s *Sender) ReplayMissing(ctx context.Context, app, ep string, since, until time.Time) (Task, error) {
	if err := s.window(&since, &until); err != nil {
		return Task{}, err
	}
	return s.begin(ctx, app, ep, store.Job{Kind: store.Missing, Since: since, Until: until}, jobFilter{Task: TaskReplay})
}

// BulkReplay sends messages of a time again to an endpoint, delivered ones too, each
// once. Else it is as Recover.
func (s *Sender) BulkReplay(ctx context.Context, app, ep string, f ReplayFilter) (Task, error) {
	if err := s.window(&f.Since, &f.Until); err != nil {
		return Task{}, err
	}
	filter := jobFilter{Task: TaskBulkReplay, Types: f.EventTypes, Channel: f.Channel, Tag: f.Tag, Class: f.StatusCodeClass}
	if f.Status != nil {
		switch *f.Status {
		case StatusSuccess:
			filter.States = []string{store.Delivered.String()}
		case StatusFail:
			filter.States = []string{store.Dead.String()}
		default:
			return Task{}, invalid("status", "only what was delivered, or given up, is replayed")
		}
	}
	return s.begin(ctx, app, ep, store.Job{Kind: store.Select, Since: f.Since, Until: f.Until}, filter)
}

// CountFailed returns how many messages of a time a [Sender.Recover] would send again to an
// endpoint as of now, up to a limit: at that there may be more.
func (s *Sender) CountFailed(ctx context.Context, app, ep string, since, until time.Time, limit int) (int64, error) {
	if err := s.window(&since, &until); err != nil {
		return 0, err
	}
	_, e, err := endpoint(s.reading(ctx), app, ep)
	if err != nil {
		return 0, err
	}
	n, err := s.Store.CountDead(ctx, e.ID, since, until, limit)
	if err != nil {
		return 0, fmt.Errorf("counting what was given up: %w", err)
	}
	return n, nil
}

// begin begins a task of an endpoint, unless one of its kind runs.
func (s *Sender) begin(ctx context.Context, app, ref string, job store.Job, filter jobFilter) (Task, error) {
	a, ep, err := endpoint(s.reading(ctx), app, ref)
	if err != nil {
		return Task{}, err
	}
	s.tasks.Lock()
	defer s.tasks.Unlock()
	jobs, err := s.Store.Jobs(ctx)
	if err != nil {
		return Task{}, fmt.Errorf("reading tasks: %w", err)
	}
	for i := range jobs {
		if j := &jobs[i]; j.Destination == ep.ID && j.State == store.JobRunning && taskKind(j) == filter.Task {
			return taskOf(a.ID, j), nil
		}
	}
	if job.Kind == store.Missing {
		job.Source, filter.Takes, filter.Channels = a.ID, joined(ep.EventTypes), joined(ep.Channels)
	}
	job.Destination, job.Once = ep.ID, true
	if job.Filter, err = json.Marshal(filter); err != nil {
		return Task{}, fmt.Errorf("writing a filter: %w", err)
	}
	job, err = s.Store.CreateJob(ctx, job)
	switch {
	case errors.Is(err, store.ErrJobs):
		return Task{}, &RefusedError{Code: CodeLimitReached, Detail: "Too many tasks are running: try again when some are done"}
	case err != nil:
		return Task{}, fmt.Errorf("beginning a task: %w", err)
	}
	s.Engine.StartJobs()
	return taskOf(a.ID, &job), nil
}

// taskKind is the kind of task that a job is; "" if it is none.
func taskKind(j *store.Job) string {
	var f jobFilter
	if !isEndpointID(j.Destination) || json.Unmarshal(j.Filter, &f) != nil {
		return ""
	}
	return f.Task
}

func taskOf(app string, j *store.Job) Task {
	t := Task{ID: taskID(app, j.ID), AppID: app, Kind: taskKind(j), Total: j.Total, Done: j.Done, Sent: j.Done - j.Skipped, Updated: j.Updated}
	switch j.State {
	case store.JobRunning:
		t.Status = TaskRunning
	case store.JobDone:
		t.Status = TaskFinished
	default:
		t.Status = TaskFailed
	}
	return t
}

const jobPrefix = "job_"

// taskID is the id of a job as a task of an application.
func taskID(app, job string) string {
	number, err := strconv.ParseInt(strings.TrimPrefix(job, jobPrefix), 36, 64)
	if err != nil {
		return ""
	}
	return numberID(prefixTask, "task", app, number)
}

// Task returns a task by its id.
func (s *Sender) Task(ctx context.Context, id string) (Task, error) {
	number, ok := readNumber(prefixTask, id)
	if !ok {
		return Task{}, fmt.Errorf("task %w", ErrNotFound)
	}
	j, err := s.Store.Job(ctx, jobPrefix+strconv.FormatInt(number, 36))
	if err != nil {
		return Task{}, notFound("task", err)
	}
	app, err := s.appOf(ctx, j.Destination)
	if err != nil {
		return Task{}, err
	}
	if app == "" || taskKind(&j) == "" || taskID(app, j.ID) != id {
		return Task{}, fmt.Errorf("task %w", ErrNotFound)
	}
	return taskOf(app, &j), nil
}

// appOf returns the application of an endpoint, which may be deleted; "" if there is none.
func (s *Sender) appOf(ctx context.Context, endpoint string) (app string, err error) {
	if _, err = s.reading(ctx).one("SELECT app FROM sender_endpoints WHERE id = ?", []any{endpoint}, &app); err != nil {
		return "", fmt.Errorf("reading an endpoint: %w", err)
	}
	return app, nil
}

// Tasks returns a page of the tasks that are kept, the newest first.
func (s *Sender) Tasks(ctx context.Context, p Page) (List[Task], error) {
	c, err := p.read(func(id string) bool { _, ok := decodeID(prefixTask, id); return ok })
	if err != nil {
		return List[Task]{}, err
	}
	jobs, err := s.Store.Jobs(ctx)
	if err != nil {
		return List[Task]{}, fmt.Errorf("reading tasks: %w", err)
	}
	var tasks []Task
	for i := range jobs {
		if taskKind(&jobs[i]) == "" {
			continue
		}
		app, err := s.appOf(ctx, jobs[i].Destination)
		if err != nil {
			return List[Task]{}, err
		}
		if app != "" {
			tasks = append(tasks, taskOf(app, &jobs[i]))
		}
	}
	up := c.ascending != c.backward
	slices.SortFunc(tasks, func(a, b Task) int {
		if up {
			return cmp.Compare(a.ID, b.ID)
		}
		return cmp.Compare(b.ID, a.ID)
	})
	tasks = slices.DeleteFunc(tasks, func(t Task) bool { return c.at != "" && (up && t.ID <= c.at || !up && t.ID >= c.at) })
	return listOf(c, tasks[:min(len(tasks), c.limit+1)], func(t *Task) string { return t.ID }), nil
}
