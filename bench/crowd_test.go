package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A viewer asks as the portal's script does: with the tag of what it has, soon after a
// change, and ever less often while there is none.
func TestViewerPolls(t *testing.T) {
	tag, status, asked := `"a"`, http.StatusOK, ""
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("session"); err != nil || c.Value != "mine" {
			t.Errorf("the cookie: %v %v", c, err)
		}
		asked = r.Header.Get("If-None-Match")
		w.Header().Set("ETag", tag)
		if status == http.StatusOK && asked == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.WriteHeader(status)
	}))
	defer site.Close()
	v := &viewer{client: site.Client(), session: &http.Cookie{Name: "session", Value: "mine"}, url: site.URL, wait: pollSoon}
	for i, step := range []struct {
		tag, asked string
		status     int
		wait       time.Duration
	}{
		{`"a"`, "", 200, 3900 * time.Millisecond}, // what it shows already
		{`"a"`, `"a"`, 304, 5070 * time.Millisecond},
		{`"b"`, `"a"`, 200, pollSoon},
		{`"b"`, `"b"`, 304, 3900 * time.Millisecond},
	} {
		tag = step.tag
		got, err := v.poll(t.Context())
		if err != nil || got != step.status || asked != step.asked || v.wait != step.wait {
			t.Errorf("%d: %d %v, asked with %s, waits %v", i, got, err, asked, v.wait)
		}
	}
	for range 20 {
		if _, err := v.poll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if v.wait != pollSeldom {
		t.Errorf("it waits %v", v.wait)
	}
	status = http.StatusSeeOther // it is signed out
	if _, err := v.poll(t.Context()); err == nil {
		t.Error("an answer that is no page is none to measure")
	}
}

// A crowd is watching until it leaves, and tells of what went wrong.
func TestCrowd(t *testing.T) {
	bad := http.StatusOK
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"a"`)
		w.WriteHeader(bad)
	}))
	defer site.Close()
	for _, status := range []int{http.StatusOK, http.StatusInternalServerError} {
		bad = status
		c := &crowd{viewers: []*viewer{{client: site.Client(), session: new(http.Cookie), url: site.URL, wait: pollSoon}}}
		c.watch(t.Context())
		for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(time.Millisecond) {
			c.mu.Lock()
			done := len(c.latencies) > 0 || c.err != nil
			c.mu.Unlock()
			if done {
				break
			}
		}
		if err := c.leave(); (err != nil) != (status != http.StatusOK) {
			t.Errorf("%d: %v", status, err)
		}
		if status == http.StatusOK && !strings.Contains(c.String(), "1 viewers: ") {
			t.Error(c)
		}
	}
	var nobody *crowd
	nobody.watch(context.Background())
	if err := nobody.leave(); err != nil {
		t.Error(err)
	}
}

// What an answer says is found, and what it does not say is no text.
func TestFieldOf(t *testing.T) {
	answer := []byte(`{"data":[{"id":"a"},{"id":"b"}],"done":true}`)
	if got, err := fieldOf(answer, "data", 1, "id"); err != nil || got != "b" {
		t.Errorf("%q %v", got, err)
	}
	for _, path := range [][]any{{"data", 2, "id"}, {"done"}, {"none"}, {0}} {
		if got, err := fieldOf(answer, path...); err == nil {
			t.Errorf("%v: %q", path, got)
		}
	}
}
