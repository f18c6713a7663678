package gateway_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// TestOperatorSources: each source is shown with how its destination fares, in an
// order of what an operator has to know first, and with the last use of its secrets.
func TestOperatorSources(t *testing.T) {
	b := newOperatorBed(t)
	b.accept(t, "travtus", "a", "x", false, "{}")
	since, later := noon.Add(-time.Hour), noon.Add(time.Minute)
	b.Uses.Record("travtus", "svix", 1, since)
	for _, test := range []struct {
		status delivery.Status
		want   string
	}{
		{delivery.Status{}, gateway.SourceUp},
		{delivery.Status{HeldUntil: later}, gateway.SourceHeld},
		{delivery.Status{HeldUntil: since}, gateway.SourceUp},
		{delivery.Status{HeldUntil: later, Down: since}, gateway.SourceDown},
		{delivery.Status{HeldUntil: later, Down: since, Paused: since}, gateway.SourcePaused},
		{delivery.Status{Down: since, Paused: since, Parked: true}, gateway.SourceParked},
	} {
		test.status.Name, test.status.InFlight, test.status.Oldest = "source/travtus", 3, noon
		b.engine.status = []delivery.Status{test.status}
		list := get[gateway.SourceList](t, b, "/webhooks/sources").Sources
		if len(list) != 2 || list[0].Name != "direct" || list[1].Name != "travtus" {
			t.Fatalf("sources %+v", list)
		}
		if direct := list[0]; direct.State != gateway.SourceDirect || direct.Destination != "" || direct.Schemes[0].Name != "github" {
			t.Errorf("direct is %+v", direct)
		}
		s := list[1]
		if s.State != test.want || s.Pending != 1 || s.Dead != 0 || s.InFlight != 3 || !s.Oldest.Equal(noon) || s.Destination != "source/travtus" {
			t.Errorf("%+v: %+v", test.status, s)
		}
		if s.Traffic == nil || s.Traffic.Refused == nil || list[0].Traffic == nil {
			t.Errorf("%+v: what has come is not counted", s)
		}
		if !s.PausedSince.Equal(test.status.Paused) || !s.DownSince.Equal(test.status.Down) {
			t.Errorf("%+v: since %v %v", test.status, s.PausedSince, s.DownSince)
		}
		secrets := s.Schemes[0].Secrets
		if len(secrets) != 2 || !secrets[0].LastUsed.IsZero() || !secrets[1].LastUsed.Equal(since) || secrets[1].Index != 1 {
			t.Errorf("secrets %+v", secrets)
		}
	}
}

// TestOperatorParkedSource: events of a source that the configuration lacks are not
// out of sight.
func TestOperatorParkedSource(t *testing.T) {
	b := newOperatorBed(t)
	b.accept(t, "gone", "a", "x", false, "{}")
	list := get[gateway.SourceList](t, b, "/webhooks/sources").Sources
	i := slices.IndexFunc(list, func(s gateway.SourceInfo) bool { return s.Name == "gone" })
	if i < 0 || list[i].State != gateway.SourceParked || list[i].Traffic != nil || list[i].Pending != 1 {
		t.Errorf("sources %+v", list)
	}
}

// TestOperatorEvents: pages follow each other without a gap, the newest first, and
// each filter selects.
func TestOperatorEvents(t *testing.T) {
	b := newOperatorBed(t)
	var seqs []int64
	for i := range 7 {
		b.clock.step(time.Second)
		seqs = append([]int64{b.accept(t, "travtus", "id"+strconv.Itoa(i), []string{"invoice.paid", "user.new"}[i%2], i == 6, "{}")}, seqs...)
	}
	b.settle(t, seqs[1], "travtus", store.Delivered, store.Attempt{Number: 1, Outcome: "delivered", Status: 200})
	b.settle(t, seqs[2], "travtus", store.Dead, store.Attempt{Number: 1, Outcome: "failed", Status: 500})
	at := func(seconds int) string { return noon.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339) }
	for _, test := range []struct {
		query string
		want  []int64
	}{
		{"", seqs},
		{"source=travtus", seqs},
		{"source=direct", nil},
		{"state=ignored", seqs[:1]},
		{"state=delivered", seqs[1:2]},
		{"state=dead", seqs[2:3]},
		{"state=pending", seqs[3:]},
		{"type=user.new", []int64{seqs[1], seqs[3], seqs[5]}},
		{"type=invoice.*&state=pending", []int64{seqs[4], seqs[6]}},
		{"from=" + at(6), seqs[:2]},
		{"to=" + at(6), seqs[2:]},
		{"from=" + at(2) + "&to=" + at(4), seqs[4:6]},
		{"before=" + strconv.FormatInt(seqs[4], 10), seqs[5:]},
	} {
		for _, limit := range []string{"1", "3", "500"} {
			got := []int64{}
			for before := ""; ; {
				query := test.query + "&limit=" + limit
				if before != "" {
					query = strings.ReplaceAll(query, "before="+strconv.FormatInt(seqs[4], 10), "") + "&before=" + before
				}
				page := get[gateway.EventPage](t, b, "/webhooks/events?"+strings.Trim(query, "&"))
				if len(page.Events) > 0 && strconv.Itoa(len(page.Events)) > limit && limit != "500" {
					t.Errorf("%s: %d events", query, len(page.Events))
				}
				for _, e := range page.Events {
					got = append(got, e.Seq)
				}
				if before = page.Next; before == "" || len(got) > len(seqs) {
					break
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%q, %s a page: %d, want %d", test.query, limit, got, test.want)
			}
		}
	}
}

// TestOperatorEvent: one event with its attempts; the payload only if it is asked
// for, and then byte for byte.
func TestOperatorEvent(t *testing.T) {
	b := newOperatorBed(t)
	binary := "\x00\xff{"
	seq := b.accept(t, "travtus", "a", "x", false, binary)
	b.settle(t, seq, "travtus", store.Pending, store.Attempt{Number: 1, Started: noon, Took: 1500 * time.Millisecond, Outcome: "failed", Status: 503, Response: []byte("busy")})
	b.settle(t, seq, "travtus", store.Dead, store.Attempt{Number: 2, Started: noon, Outcome: "unreachable", Error: "refused"})
	path := "/webhooks/events/" + strconv.FormatInt(seq, 10)

	e := get[gateway.EventDetail](t, b, path)
	if e.Payload != nil || e.State != "dead" || e.Reason != "exhausted" || e.Made != 2 || e.Scheme != "svix" || !e.Received.Equal(noon) || len(e.Attempts) != 2 {
		t.Fatalf("%+v", e)
	}
	first, second := e.Attempts[0], e.Attempts[1]
	if first.Took != 1500 || first.Status != 503 || first.Response.Text != "busy" || second.Error != "refused" || second.Response != nil || second.Number != 2 {
		t.Errorf("attempts %+v", e.Attempts)
	}
	p := get[gateway.EventDetail](t, b, path+"?payload=true").Payload
	if p == nil || string(p.Body.Base64) != binary || p.Body.Text != "" || p.URL != "/hooks/travtus?a=b" || p.Host != "app.example.com" {
		t.Fatalf("payload %+v", p)
	}
	if want := []gateway.HeaderLine{{Name: "Content-Type", Value: "application/json"}, {Name: "X-Two", Value: "1"}, {Name: "X-Two", Value: "2"}}; !slices.Equal(p.Headers, want) {
		t.Errorf("headers %+v", p.Headers)
	}
	text := b.accept(t, "travtus", "b", "x", false, `{"ü":"<"}`)
	if p := get[gateway.EventDetail](t, b, "/webhooks/events/"+strconv.FormatInt(text, 10)+"?payload=1").Payload; p.Body.Text != `{"ü":"<"}` {
		t.Errorf("payload %+v", p)
	}
}

// TestOperatorChanges: what can be done with an event, and what cannot be.
func TestOperatorChanges(t *testing.T) {
	b := newOperatorBed(t)
	dead, ignored := b.accept(t, "travtus", "a", "x", false, "{}"), b.accept(t, "travtus", "b", "x", true, "")
	b.settle(t, dead, "travtus", store.Dead, store.Attempt{Number: 1, Outcome: "failed", Status: 500, Response: []byte("secret")})
	post := func(seq int64, action string, want int, says string) {
		t.Helper()
		status, _, answer := b.ask(t, http.MethodPost, "/webhooks/events/"+strconv.FormatInt(seq, 10)+"/"+action, "")
		if status != want || !strings.Contains(answer, says) {
			t.Errorf("%s: %d %s, want %d %s", action, status, answer, want, says)
		}
	}
	state := func(seq int64) gateway.EventDetail {
		return get[gateway.EventDetail](t, b, "/webhooks/events/"+strconv.FormatInt(seq, 10)+"?payload=true")
	}
	post(dead, "retry", http.StatusOK, "{}")
	if e := state(dead); e.State != "pending" || e.Step != 0 || e.Due.After(b.clock.now()) {
		t.Errorf("retried: %+v", e)
	}
	post(ignored, "retry", http.StatusConflict, "was ignored")
	if again := b.accept(t, "travtus", "a", "x", false, "{}"); again != dead {
		t.Fatalf("%d is no duplicate of %d", again, dead)
	}
	post(dead, "forget", http.StatusOK, "{}")
	if again := b.accept(t, "travtus", "a", "x", false, "{}"); again == dead {
		t.Error("it is not forgotten")
	}
	post(dead, "erase", http.StatusOK, "{}")
	if e := state(dead); e.State != "dead" || e.Reason != "erased" || e.Payload != nil || e.Attempts[0].Response != nil {
		t.Errorf("erased: %+v", e)
	}
	post(dead, "retry", http.StatusConflict, "payload of event")
	for _, action := range []string{"retry", "forget", "erase"} {
		post(1, action, http.StatusNotFound, "not_found")
	}
}

// TestOperatorFind: an id leads to its events, as many as it has bodies.
func TestOperatorFind(t *testing.T) {
	b := newOperatorBed(t)
	first := b.accept(t, "travtus", "a b/ü", "x", false, "{}")
	if err := b.store.Forget(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second := b.accept(t, "travtus", "a b/ü", "x", false, "{}")
	found := get[gateway.EventPage](t, b, "/webhooks/events?source=travtus&id="+url.QueryEscape("a b/ü"))
	if len(found.Events) != 2 || found.Events[0].Seq != second || found.Events[1].Seq != first {
		t.Errorf("found %+v", found)
	}
	if found := get[gateway.EventPage](t, b, "/webhooks/events?source=travtus&id=other"); found.Events == nil || len(found.Events) != 0 {
		t.Errorf("found %+v", found)
	}
}

// TestOperatorJobs: a dry run changes nothing, a job is created and the engine told,
// and it can be canceled.
func TestOperatorJobs(t *testing.T) {
	b := newOperatorBed(t)
	for i := range 3 {
		b.settle(t, b.accept(t, "travtus", strconv.Itoa(i), "x", false, "{}"), "travtus", []store.State{store.Dead, store.Dead, store.Delivered}[i], store.Attempt{Number: 1, Outcome: "x"})
	}
	b.clock.step(time.Hour)
	post := func(target, body string) string {
		t.Helper()
		status, _, answer := b.ask(t, http.MethodPost, target, body)
		if status != http.StatusOK {
			t.Errorf("%s: %d %s", body, status, answer)
		}
		return answer
	}
	if dry := post("/webhooks/jobs", `{"kind":"recover","source":"travtus","dry_run":true}`); dry != `{"kind":"recover","source":"travtus","total":2,"done":0}` {
		t.Errorf("dry run %s", dry)
	}
	if dry := post("/webhooks/jobs", `{"kind":"replay","source":"travtus","since":"2026-11-23T12:00:00+00:00","dry_run":true}`); !strings.Contains(dry, `"total":1`) || !strings.Contains(dry, `"until":"2026-11-23T13:00:00`) {
		t.Errorf("dry run %s", dry)
	}
	if jobs := get[gateway.JobList](t, b, "/webhooks/jobs"); len(jobs.Jobs) != 0 || jobs.Jobs == nil || b.engine.jobs != 0 {
		t.Errorf("a dry run has left %+v, and told the engine %d times", jobs, b.engine.jobs)
	}
	post("/webhooks/jobs", `{"kind":"recover","source":"travtus","since":"2026-11-23T11:59:59Z"}`)
	jobs := get[gateway.JobList](t, b, "/webhooks/jobs").Jobs
	if len(jobs) != 1 || jobs[0].State != "running" || jobs[0].Total != 2 || jobs[0].Source != "travtus" || b.engine.jobs != 1 {
		t.Fatalf("jobs %+v, engine told %d times", jobs, b.engine.jobs)
	}
	if job := get[gateway.JobInfo](t, b, "/webhooks/jobs/"+jobs[0].ID); job != jobs[0] {
		t.Errorf("%+v is not %+v", job, jobs[0])
	}
	if canceled := post("/webhooks/jobs/"+jobs[0].ID+"/cancel", ""); !strings.Contains(canceled, `"state":"canceled"`) {
		t.Errorf("canceled: %s", canceled)
	}
}

// TestOperatorPause: a pause is one of the destination.
func TestOperatorPause(t *testing.T) {
	b := newOperatorBed(t)
	for _, action := range []string{"pause", "pause", "resume", "resume"} { // again makes no difference
		if status, _, answer := b.ask(t, http.MethodPost, "/webhooks/sources/travtus/"+action, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", action, status, answer)
		}
		pauses, err := b.store.Pauses(t.Context())
		if _, ok := pauses["source/travtus"]; err != nil || ok != (action == "pause") {
			t.Errorf("after %s: %v %v", action, pauses, err)
		}
	}
}

// TestOperatorBackup: the copy is a store that can be read; nothing is overwritten,
// and no path is taken that depends on where the process stands.
func TestOperatorBackup(t *testing.T) {
	b := newOperatorBed(t)
	seq := b.accept(t, "travtus", "a", "x", false, "{}")
	path := filepath.Join(t.TempDir(), "copy.db")
	backup := func(path string) (int, string) {
		status, _, answer := b.ask(t, http.MethodPost, "/webhooks/backup", `{"path":`+strconv.Quote(path)+`}`)
		return status, answer
	}
	if status, answer := backup(path); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	copied, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	if d, err := copied.Event(t.Context(), seq); err != nil || string(d.Body) != "{}" {
		t.Errorf("the copy has %+v: %v", d, err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for bad, want := range map[string]int{path: 409, "copy.db": 400, "": 400, filepath.Join(t.TempDir(), "no", "folder"): 409} {
		if status, answer := backup(bad); status != want {
			t.Errorf("%q: %d %s, want %d", bad, status, answer, want)
		}
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the first copy has changed: %v", err)
	}
}

// TestOperatorStats: how full it is, and what waits where.
func TestOperatorStats(t *testing.T) {
	b := newOperatorBed(t)
	b.accept(t, "travtus", "a", "x", false, "{}")
	b.settle(t, b.accept(t, "gone", "b", "x", false, "{}"), "gone", store.Dead, store.Attempt{Number: 1, Outcome: "x"})
	s := get[gateway.Stats](t, b, "/webhooks/stats")
	want := []gateway.DestinationStats{{Destination: "source/gone", Dead: 1}, {Destination: "source/travtus", Pending: 1}}
	if s.Pending != 1 || s.Dead != 1 || s.Keys != 2 || s.Used <= 0 || s.Free == 0 || s.Trouble != "" || !slices.Equal(s.Destinations, want) {
		t.Errorf("%+v", s)
	}
	b.store.SetFreeSpace(1 << 62)
	if s := get[gateway.Stats](t, b, "/webhooks/stats"); !strings.Contains(s.Trouble, "no space left") {
		t.Errorf("%+v", s)
	}
}
