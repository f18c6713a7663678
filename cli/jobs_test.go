package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
)

// bury stores n dead letters.
func (b *bed) bury(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		b.settle(t, b.accept(t, fmt.Sprintf("msg_%d", i), "a", "{}"), store.Dead, store.Attempt{Number: 1, Outcome: "failed"})
	}
}

// work makes the gateway advance a job by n events before each look at it.
func (b *bed) work(t testing.TB, n int) {
	b.onGet = func(target string) {
		if dir, id := path.Split(target); dir == "/webhooks/jobs/" {
			if _, err := b.store.AdvanceJob(context.Background(), id, n); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestRecover: the job is watched to its end, and its progress shown: a line that is
// drawn anew on a terminal, some lines elsewhere.
func TestRecover(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		b := newBed(t)
		b.terminal = terminal
		b.bury(t, 10)
		b.work(t, 4)
		r := b.run(t, "", "events", "recover", "travtus", "--since", "1d")
		if r.status != 0 || r.stdout != "Made due: 10 events. The gateway delivers them as fast as the app takes them.\n" {
			t.Errorf("status %d\n%s\n%s", r.status, r.stdout, r.stderr)
		}
		want := "ID: 0 of 10\nID: 4 of 10\nID: 8 of 10\nID: 10 of 10\n"
		if terminal {
			want = "\r[                              ] 0 of 10 " +
				"\r[============                  ] 4 of 10 " +
				"\r[========================      ] 8 of 10 " +
				"\r[==============================] 10 of 10 \n"
		}
		jobs, err := b.store.Jobs(t.Context())
		if err != nil || len(jobs) != 1 || jobs[0].State != "done" {
			t.Fatalf("%+v %v", jobs, err)
		}
		// A job that has come to its end may be asked for once more to be told so.
		lines := strings.ReplaceAll(r.stderr, jobs[0].ID, "ID")
		if lines = strings.ReplaceAll(lines, "\r[==============================] 10 of 10 \r", "\r"); lines != want {
			t.Errorf("terminal %v: progress\n%q, want\n%q", terminal, lines, want)
		}
	}
}

// TestProgressLines: a job of a million events does not fill a log.
func TestProgressLines(t *testing.T) {
	var out strings.Builder
	p := &progress{out: &out}
	for done := range int64(1001) {
		p.show(&gateway.JobInfo{ID: "job_1", Done: done * 1000, Total: 1_000_000})
	}
	p.end()
	if lines := strings.Count(out.String(), "\n"); lines != 11 {
		t.Errorf("%d lines:\n%s", lines, out.String())
	}
	out.Reset()
	p = &progress{out: &out, redraw: true}
	p.show(&gateway.JobInfo{Done: 3, Total: 2}) // more may have come in between
	p.show(&gateway.JobInfo{})
	p.end()
	p.end()
	if strings.Count(out.String(), "\n") != 1 {
		t.Errorf("drawn %q", out.String())
	}
}

// TestDryRun counts and does nothing; --detach starts and does not wait.
func TestDryRun(t *testing.T) {
	b := newBed(t)
	b.bury(t, 1)
	r := b.run(t, "", "events", "recover", "travtus", "--dry-run")
	r.want(t, 0, "")
	golden(t, "dry run", r.stdout, "1 event would be made due. Nothing was changed.\n")
	r = b.run(t, "", "events", "replay", "travtus", "--from", "1h", "--dry-run", "--json")
	r.want(t, 0, "")
	var job gateway.JobInfo
	if err := json.Unmarshal([]byte(r.stdout), &job); err != nil || job.Total != 0 || job.Kind != "replay" || !job.Since.Equal(noon.Add(-time.Hour)) || job.ID != "" {
		t.Errorf("%v in %s", err, r.stdout)
	}
	if jobs, err := b.store.Jobs(t.Context()); err != nil || len(jobs) != 0 {
		t.Errorf("jobs %+v, %v", jobs, err)
	}
	r = b.run(t, "", "events", "recover", "travtus", "--detach")
	r.want(t, 0, "")
	jobs, err := b.store.Jobs(t.Context())
	if err != nil || len(jobs) != 1 || r.stdout != "Job "+jobs[0].ID+" is about 1 event. See hookgate webhook jobs ls.\n" {
		t.Errorf("jobs %+v, %v; printed %q", jobs, err, r.stdout)
	}
	r = b.run(t, "", "jobs", "ls")
	if r.want(t, 0, ""); !strings.Contains(r.stdout, jobs[0].ID+"  recover  travtus  running  0 of 1  now") {
		t.Errorf("jobs ls printed\n%s", r.stdout)
	}
	r = b.run(t, "", "jobs", "cancel", jobs[0].ID)
	r.want(t, 0, "")
	golden(t, "cancel", r.stdout, "Job "+jobs[0].ID+" is canceled; it has made due: 0 events.\n")
}

// TestJobEndsOtherwise: a job that somebody cancels is a failure of who waits for it.
func TestJobEndsOtherwise(t *testing.T) {
	b := newBed(t)
	b.bury(t, 4)
	b.onGet = func(target string) {
		if _, err := b.store.CancelJob(context.Background(), path.Base(target)); err != nil {
			t.Error(err)
		}
	}
	r := b.run(t, "", "events", "recover", "travtus")
	if r.status != 1 || !strings.Contains(r.stdout, " is canceled after 0 of 4 events.\n") || strings.Contains(r.stderr, "Error") {
		t.Errorf("status %d\n%s\n%s", r.status, r.stdout, r.stderr)
	}
}

// TestJobOutlivesItsWatcher: Ctrl-C ends the watching, says how to end the job, and
// does not end it; nor does a gateway that goes away meanwhile.
func TestJobOutlivesItsWatcher(t *testing.T) {
	b := newBed(t)
	b.bury(t, 4)
	ctx, cancel := context.WithCancel(t.Context())
	b.onGet = func(string) { cancel() }
	r := b.runContext(t, ctx, "", "events", "recover", "travtus")
	jobs, err := b.store.Jobs(t.Context())
	if err != nil || len(jobs) != 1 || jobs[0].State != "running" {
		t.Fatalf("jobs %+v, %v", jobs, err)
	}
	if r.status != 130 || !strings.HasSuffix(r.stderr, "The job goes on. Cancel it with: hookgate webhook jobs cancel "+jobs[0].ID+"\n") || r.stdout != "" {
		t.Errorf("status %d\n%s\n%s", r.status, r.stdout, r.stderr)
	}
	b.onGet = func(string) {
		b.handle = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	}
	r = b.run(t, "", "events", "recover", "travtus")
	r.want(t, 2, "goes on, or will when the gateway is back: the default address answers 502 Bad Gateway")
}

// TestReplayAsks on a terminal, as an app may not like it; elsewhere it does what it
// is told.
func TestReplayAsks(t *testing.T) {
	b := newBed(t)
	b.settle(t, b.accept(t, "a", "x", "{}"), store.Delivered, store.Attempt{Number: 1, Outcome: "delivered", Status: 200})
	b.now = b.now.Add(time.Minute)
	b.work(t, 10)
	replay := []string{"events", "replay", "travtus", "--from", "1h"}
	b.terminal = true
	r := b.run(t, "no\n", replay...)
	if r.status != 1 || r.stderr != "Deliver 1 event of travtus again? [y/N] Nothing was changed.\n" {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	if jobs, err := b.store.Jobs(t.Context()); err != nil || len(jobs) != 0 {
		t.Errorf("jobs %+v, %v", jobs, err)
	}
	for _, test := range []struct {
		terminal bool
		stdin    string
		args     []string
	}{{true, "y\n", replay}, {true, "", append(replay, "--yes")}, {false, "", replay}} {
		b.terminal = test.terminal
		if r := b.run(t, test.stdin, test.args...); r.status != 0 || !strings.HasPrefix(r.stdout, "Made due: ") {
			t.Errorf("%+v: status %d\n%s\n%s", test, r.status, r.stdout, r.stderr)
		}
	}
	d, err := b.store.Jobs(t.Context())
	if err != nil || len(d) != 3 || d[2].Total != 1 || d[1].Total != 0 {
		t.Errorf("jobs %+v, %v", d, err)
	}
}

// TestIsTerminal: neither a file nor /dev/null is a person.
func TestIsTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, stream := range []any{null, strings.NewReader(""), nil} {
		if isTerminal(stream) {
			t.Errorf("%v is a terminal", stream)
		}
	}
}
