package caddymodule_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/caddymodule"
	"github.com/hookgate/hookgate/gateway"
)

// TestMemorySurvivesReload: an event seen before a reload is a duplicate after it,
// also when the source's own options change. (pitfall list 4.10)
func TestMemorySurvivesReload(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	run(t, quiet, source(address, app.address(), ""))
	if status, _, text := send(t, svix(t, "http://"+address+"/hooks", "msg_1")); status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	for _, options := range []string{"header X-A b", "header X-A c"} {
		changed := strings.Replace(source(address, app.address(), options), "verify", "dedupe 100h 5000\nverify", 1)
		if err := load(t, quiet, changed); err != nil {
			t.Fatal(err)
		}
		status, header, _ := send(t, svix(t, "http://"+address+"/hooks", "msg_1"))
		if status != http.StatusOK || header.Get("Hookgate-Result") != "duplicate" {
			t.Errorf("after a reload: status %d, result %q", status, header.Get("Hookgate-Result"))
		}
	}
	if n := len(app.take()); n != 1 {
		t.Errorf("the app was called %d times", n)
	}
}

// TestTrafficSurvivesReload: what has come to a source is counted on, since the same time,
// and a source that comes with a reload is counted from then.
func TestTrafficSurvivesReload(t *testing.T) {
	app, address, admin := newApp(t), freeAddress(t), freeAddress(t)
	listen := map[string]any{"listen": admin}
	runAdmin(t, listen, quiet, source(address, app.address(), ""))
	traffic := func(name string) *gateway.Traffic {
		var list gateway.SourceList
		if status := askAdmin(t, admin, http.MethodGet, "sources", &list); status != http.StatusOK {
			t.Fatal(status)
		}
		for _, s := range list.Sources {
			if s.Name == name {
				return s.Traffic
			}
		}
		return nil
	}
	for range 2 {
		send(t, svix(t, "http://"+address+"/hooks", "msg_1"))
	}
	before := traffic("travtus")
	if before == nil || before.Received != 2 || before.Accepted != 1 || before.Duplicates != 1 || before.Since.IsZero() {
		t.Fatalf("%+v", before)
	}
	loadAdmin(t, listen, quiet, source(address, app.address(), "webhook /other* other {\nverify github {env.TEXT}\n}"))
	send(t, svix(t, "http://"+address+"/hooks", "msg_1"))
	if after := traffic("travtus"); after == nil || after.Received != 3 || after.Duplicates != 2 || !after.Since.Equal(before.Since) {
		t.Errorf("%+v, and before %+v", after, before)
	}
	if fresh := traffic("other"); fresh == nil || fresh.Received != 0 || !fresh.Since.After(before.Since) {
		t.Errorf("%+v", fresh)
	}
}

// TestFailedReload: a configuration that cannot be provisioned, or fails after our
// Start as its port is taken, leaves the running one as it was and gives back
// only what it took itself.
func TestFailedReload(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	run(t, quiet, source(address, app.address(), ""))
	send(t, svix(t, "http://"+address+"/hooks", "msg_before"))
	good := source(address, app.address(), "")
	for name, sites := range map[string]string{
		"unset secret":      strings.ReplaceAll(good, "{env.SVIX}", "{env.HOOKGATE_UNSET}"),
		"second source bad": source(address, app.address(), "webhook /other* other {\nverify github {env.HOOKGATE_UNSET}\n}"),
		"later handler bad": source(address, app.address(), "webhook /other* other {\nverify github {env.TEXT}\n}\nbasic_auth /x {\nbob not-a-hash\n}"),
		// Not a TCP port: SO_REUSEPORT would let two listeners of one process share it.
		"listener fails": good + "http://other {\nbind unix//nonexistent-hookgate/sock\nrespond x\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			if err := load(t, quiet, sites); err == nil {
				t.Fatal("it loaded")
			}
			if state, process := caddymodule.References("travtus"); state != 1 || process != 1 {
				t.Errorf("%d references to the source's state, %d to the process", state, process)
			}
			if state, _ := caddymodule.References("other"); state != 0 {
				t.Errorf("%d references to a source that never ran", state)
			}
			_, header, _ := send(t, svix(t, "http://"+address+"/hooks", "msg_before"))
			if header.Get("Hookgate-Result") != "duplicate" {
				t.Error("the running configuration forgot an event")
			}
			if status, _, _ := send(t, svix(t, "http://"+address+"/hooks", "msg_"+strings.ReplaceAll(name, " ", "_"))); status != http.StatusOK {
				t.Errorf("the running configuration answers %d", status)
			}
		})
	}
}

// TestReloadsUnderLoad: 50 reloads while events and their duplicates arrive.
// Nothing is passed on twice, nothing gets an unexplained answer, and nothing is
// left behind. (L-02, R-12)
func TestReloadsUnderLoad(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	run(t, quiet, source(address, app.address(), "header X-Config 0"))
	before := runtime.NumGoroutine()

	sent := reloadUnderLoad(t, address, func(i int) error {
		return load(t, quiet, source(address, app.address(), fmt.Sprintf("header X-Config %d", i+1)))
	})

	times := map[string]int{}
	for _, r := range app.take() {
		times[r.Header.Get("Hookgate-Id")]++
	}
	for id, n := range times {
		if n != 1 {
			t.Errorf("%s was passed on %d times", id, n)
		}
	}
	if len(times) != sent || len(times) < 300 {
		t.Errorf("%d events sent, %d arrived", sent, len(times))
	}
	if state, process := caddymodule.References("travtus"); state != 1 || process != 1 {
		t.Errorf("%d references to the source's state, %d to the process", state, process)
	}
	// Connections that reverse_proxy keeps to the app are Caddy's, not ours.
	app.CloseClientConnections()
	eventually(t, func() bool { return runtime.NumGoroutine() <= before+10 }, "goroutines stay behind")
}

// TestRequestOutlivesReload: a request that is with the app while the
// configuration is replaced gets its answer, and is remembered by the new one.
// (L-01, L-06)
func TestRequestOutlivesReload(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	app.answer = func(*http.Request) int {
		close(entered)
		<-leave
		return http.StatusOK
	}
	run(t, quiet, source(address, app.address(), ""))
	first := make(chan int, 1)
	go func() {
		status, _, _ := send(t, svix(t, "http://"+address+"/hooks", "msg_slow"))
		first <- status
	}()
	<-entered
	if err := load(t, quiet, source(address, app.address(), "header X-A b")); err != nil {
		t.Fatal(err)
	}
	close(leave)
	if status := <-first; status != http.StatusOK {
		t.Errorf("the request in flight got %d", status)
	}
	if _, header, _ := send(t, svix(t, "http://"+address+"/hooks", "msg_slow")); header.Get("Hookgate-Result") != "duplicate" {
		t.Error("the new configuration does not know the event")
	}
}

// reloadUnderLoad sends events, each of them twice, while 50 reloads are made, with
// some events before each. Every one has to be answered with 200. It returns how many
// were sent.
func reloadUnderLoad(t *testing.T, address string, reload func(i int) error) int {
	t.Helper()
	var sent atomic.Int64
	stop := make(chan struct{})
	var senders sync.WaitGroup
	for worker := range 4 {
		senders.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("msg_%d_%d", worker, n)
				for range 2 { // the second is a duplicate
					for try := 0; ; try++ {
						request := svix(t, "http://"+address+"/hooks", id)
						request.Close = true
						response, err := http.DefaultTransport.RoundTrip(request)
						if err != nil && try < 10 {
							continue // the connection went with the old server: a sender tries again
						}
						if err != nil {
							t.Errorf("%s: %v", id, err)
							return
						}
						text, _ := io.ReadAll(response.Body)
						_ = response.Body.Close()
						if response.StatusCode != http.StatusOK {
							t.Errorf("%s: status %d: %s", id, response.StatusCode, text)
						}
						break
					}
				}
				sent.Add(1)
			}
		})
	}
	for i := range 50 {
		eventually(t, func() bool { return sent.Load() >= int64(8*i) }, "no events arrive")
		if err := reload(i); err != nil {
			t.Errorf("reload %d: %v", i, err)
		}
	}
	close(stop)
	senders.Wait()
	return int(sent.Load())
}

// eventually waits for what happens on other goroutines, or fails with what is
// missing.
func eventually(t testing.TB, ok func() bool, what string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal(what)
		}
	}
}
