package caddymodule_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/verifier"
)

// TestHundredCopies: a hundred copies of each of 500 events, many at once, while Caddy
// is restarted twice: each event is stored once and forwarded once, and nobody hears
// 200 before it is. Elsewhere than where everything is tested, 50 events. (G-4, T-09,
// T-14)
func TestHundredCopies(t *testing.T) {
	const copies, senders, atOnce = 100, 64, 10
	ids := atOnce * faults.Cycles(t, 50)
	app, address, global := newApp(t), freeAddress(t), stored(t)
	site := forwarding(address, "forward "+app.address()+"\nretry 20ms forever\nconcurrency 64")
	run(t, global, site)

	signer, err := verifier.NewSigner(preset(t, "svix"), []string{svixSecret}, verifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Transport{MaxIdleConnsPerHost: senders}
	defer client.CloseIdleConnections()
	post := func(id string) (result string, ok bool) {
		r := svixBy(t, signer, "http://"+address+"/hooks", id)
		response, err := client.RoundTrip(r)
		if err != nil {
			return "", false // Caddy is restarting: the sender tries again
		}
		defer response.Body.Close()
		return response.Header.Get("Hookgate-Result"), response.StatusCode == http.StatusOK
	}

	var mu sync.Mutex
	acceptedAs := map[string]int{}
	work := make(chan string, senders)
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() {
			for id := range work {
				result, ok := post(id)
				for !ok {
					result, ok = post(id)
				}
				mu.Lock()
				acceptedAs[id+" "+result]++
				mu.Unlock()
			}
		})
	}
	for i := range ids * copies {
		// Copies of the same events meet: some events at a time, in turns.
		round, within := i/(atOnce*copies), i%atOnce
		work <- fmt.Sprintf("msg_%d", round*atOnce+within)
		if i == ids*copies/3 || i == ids*copies*2/3 {
			stop(t)
			if err := load(t, global, site); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(work)
	sending.Wait()
	eventually(t, func() bool { pending, _ := counts(t, "source/travtus"); return pending == 0 }, "never: all are delivered")

	seen := map[string]int{}
	for _, r := range app.take() {
		seen[r.Header.Get("Hookgate-Id")]++
	}
	lost := 0
	for i := range ids {
		id := fmt.Sprintf("msg_%d", i)
		stored, duplicate := acceptedAs[id+" accepted"], acceptedAs[id+" duplicate"]
		// A connection that a restart cuts may have carried the first answer.
		if stored == 0 {
			lost++
		}
		if stored > 1 || stored+duplicate != copies {
			t.Errorf("%s: %d accepted, %d duplicates", id, stored, duplicate)
		}
		if seen[id] != 1 {
			t.Errorf("%s was forwarded %d times", id, seen[id])
		}
	}
	if lost > 2*2*atOnce { // those that were on their way at either restart
		t.Errorf("of %d events nobody heard that they were accepted", lost)
	}
	if len(seen) != ids {
		t.Errorf("%d events were forwarded, want %d", len(seen), ids)
	}
}
