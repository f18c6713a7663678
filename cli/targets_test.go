package cli

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// vegetaTarget has the fields of vegeta's Target as its JSON decoder knows them.
type vegetaTarget struct {
	Method string      `json:"method"`
	URL    string      `json:"url"`
	Body   []byte      `json:"body,omitempty"`
	Header http.Header `json:"header,omitempty"`
}

// decodeTargets reads one JSON object a line, of known fields only.
func decodeTargets(t testing.TB, text string) (all []vegetaTarget) {
	t.Helper()
	for line := range strings.Lines(text) {
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		var target vegetaTarget
		if err := decoder.Decode(&target); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if target.Method != http.MethodPost || target.Header.Get("Content-Type") != "application/json" || !json.Valid(target.Body) {
			t.Fatalf("not a webhook: %s", line)
		}
		all = append(all, target)
	}
	return all
}

// judge counts targets as the gateway would see them: by verifying them and by
// remembering their events.
func judge(t testing.TB, scheme verifier.Scheme, all []vegetaTarget) (had [kinds]int) {
	t.Helper()
	public, _ := samples.Secrets(scheme, 0)
	v, err := verifier.New(scheme, []string{public}, verifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, target := range all {
		verified, err := v.Verify(&verifier.Request{Method: target.Method, Header: target.Header}, target.Body, time.Now())
		switch {
		case errors.Is(err, verifier.ErrInvalidSignature):
			had[forged]++
			continue
		case errors.Is(err, verifier.ErrStaleTimestamp):
			had[stale]++
			continue
		case err != nil:
			t.Fatalf("%v: %v", err, target.Header)
		}
		event, err := verified.Event()
		if err != nil {
			t.Fatal(err)
		}
		if scheme.ID != "" && !scheme.IDVaries && event.ID == "" || scheme.Type != "" && event.Type != eventType {
			t.Fatalf("event %q of type %q in %s", event.ID, event.Type, target.Body)
		}
		sum := sha256.Sum256(target.Body)
		key := event.ID + string(sum[:])
		if seen[key] {
			had[duplicate]++
		} else {
			had[genuine]++
		}
		seen[key] = true
	}
	return had
}

// TestTargetsOfEveryScheme: each target is in vegeta's format, of the size asked
// for, and of the kind and share asked for.
func TestTargetsOfEveryScheme(t *testing.T) {
	for _, scheme := range verifier.Presets() {
		if samples.Weak(scheme) || strings.Contains(scheme.Signed, "{url}") {
			continue // no forgery is possible, or another public_url
		}
		_, private := samples.Secrets(scheme, 0)
		t.Setenv("SECRET", private)
		args := []string{"targets", "--scheme", scheme.Name, "--secret-env", "SECRET", "--url", "http://127.0.0.1:1/hooks", "--size", "300", "--count", "400", "--duplicates", "0.1", "--forged", "0.05"}
		want := [kinds]int{genuine: 340, duplicate: 40, forged: 20}
		if scheme.Timestamp != nil {
			args = append(args, "--stale", "0.05")
			want = [kinds]int{genuine: 320, duplicate: 40, forged: 20, stale: 20}
		}
		r := run(t, "", args...)
		r.want(t, 0, "")
		all := decodeTargets(t, r.stdout)
		for _, target := range all {
			if len(target.Body) != 300 || target.URL != "http://127.0.0.1:1/hooks" {
				t.Fatalf("%s: %d bytes to %s", scheme.Name, len(target.Body), target.URL)
			}
		}
		if got := judge(t, scheme, all); got != want {
			t.Errorf("%s: genuine, duplicate, forged, stale: %v, want %v", scheme.Name, got, want)
		}
	}
}

// TestTargetsSizes: the least size works, and one below it is refused with the
// least.
func TestTargetsSizes(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	args := []string{"targets", "--secret-env", "SECRET", "--url", "http://h/", "--count", "2", "--size"}
	r := run(t, "", append(args, "1")...)
	_, least, ok := strings.Cut(strings.SplitN(r.stderr, " bytes", 2)[0], "at least ")
	n, err := strconv.Atoi(least)
	if !ok || err != nil {
		t.Fatal(r.stderr)
	}
	for _, size := range []int{n, n + 1, 100_000} {
		r := run(t, "", append(args, strconv.Itoa(size))...)
		for _, target := range decodeTargets(t, r.stdout) {
			if len(target.Body) != size {
				t.Errorf("%d bytes, want %d", len(target.Body), size)
			}
		}
	}
	run(t, "", append(args, strconv.Itoa(n-1))...).want(t, 2, "at least "+least)
}

// TestTargetsSeed: equal seeds make equal events, others and none make others.
func TestTargetsSeed(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	bodies := func(seed ...string) (all []byte) {
		r := run(t, "", append([]string{"targets", "--secret-env", "SECRET", "--url", "http://h/", "--count", "20", "--duplicates", "0.3"}, seed...)...)
		for _, target := range decodeTargets(t, r.stdout) {
			all = append(append(all, target.Body...), target.Header.Get("Svix-Id")...)
		}
		return all
	}
	first := bodies("--seed", "7")
	if !bytes.Equal(first, bodies("--seed", "7")) {
		t.Error("equal seeds, other events")
	}
	if bytes.Equal(first, bodies("--seed", "8")) || bytes.Equal(first, bodies()) || bytes.Equal(bodies(), bodies()) || bytes.Equal(bodies(), bodies("--seed", "0")) {
		t.Error("other seeds, equal events")
	}
}

// TestTargetsAreFresh: a target is signed when it is written, not when the stream
// began; of a scheme whose time is the event's, a retry keeps it.
func TestTargetsAreFresh(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	for _, name := range []string{"svix", "travelbase"} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(10 * 365 * 24 * time.Hour) // the bubble begins before seconds had ten digits
			reader, writer := io.Pipe()
			root := newProgram()
			root.SetOut(writer)
			root.SetArgs([]string{"webhook", "targets", "--scheme", name, "--secret-env", "SECRET", "--url", "http://h/", "--duplicates", "0.5"})
			ended := make(chan error, 1)
			go func() {
				ended <- root.ExecuteContext(t.Context())
				_ = writer.Close()
			}()
			lines := bufio.NewReader(reader)
			first := map[string]string{}
			repeated, again := 0, 0
			v, err := verifier.New(presetNamed(name), []string{testSecret}, verifier.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				line, err := lines.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				target := decodeTargets(t, line)[0]
				verified, err := v.Verify(&verifier.Request{Method: target.Method, Header: target.Header}, target.Body, time.Now())
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				at := verified.Timestamp.String()
				if was, ok := first[string(target.Body)]; !ok {
					first[string(target.Body)] = at
				} else if repeated++; was != at {
					again++
				}
				time.Sleep(4 * time.Minute) // the next line is written already
				synctest.Wait()
			}
			if repeated < 5 || (again == 0) != (name == "travelbase") {
				t.Errorf("%s: %d retries, %d of them signed for another time", name, repeated, again)
			}
			_ = reader.Close()
			if err := <-ended; err != nil {
				t.Errorf("after the reader closed: %v", err)
			}
		})
	}
}

// TestMixIsExact: at any time each kind has had its share, give or take two.
func TestMixIsExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	all := []mix{{}, {share: [kinds]float64{forged: 1}}, {share: [kinds]float64{duplicate: 0.1, forged: 0.05, stale: 0.05}}, {share: [kinds]float64{duplicate: 0.7, forged: 0.2, stale: 0.1}}}
	for range 200 {
		a, b := random.Float64(), random.Float64()
		c := random.Float64()
		sum := a + b + c + random.Float64()
		all = append(all, mix{share: [kinds]float64{duplicate: a / sum, forged: b / sum, stale: c / sum}})
	}
	for _, m := range all {
		if err := m.complete(); err != nil {
			t.Fatalf("%v: %v", m.share, err)
		}
		var had [kinds]float64
		for n := 1.0; n <= 2000; n++ {
			had[m.next()]++
			for k, share := range m.share {
				if math.Abs(had[k]-share*n) > 2 {
					t.Fatalf("%v: after %v targets %v", m.share, n, had)
				}
			}
		}
	}
}

// TestTrafficForgets: duplicates are of the latest events, so that memory stays
// bounded.
func TestTrafficForgets(t *testing.T) {
	made, err := newTraffic(presetNamed("svix"), []string{testSecret}, "http://h/", 200, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, body, err := made.next(duplicate, time.Now()); err != nil || len(body) != 200 {
		t.Errorf("with nothing to repeat: %s, %v", body, err)
	}
	var latest []string
	for range 3 * remembered {
		_, body, err := made.next(genuine, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		latest = append(latest, string(body))
	}
	latest = latest[2*remembered:]
	repeated := map[string]bool{}
	for range 20 * remembered {
		_, body, err := made.next(duplicate, time.Now())
		if err != nil || !slices.Contains(latest, string(body)) {
			t.Fatalf("%v, or an event that should be forgotten", err)
		}
		repeated[string(body)] = true
	}
	if len(repeated) < remembered/2 || len(made.recent) != remembered {
		t.Errorf("%d different events of %d", len(repeated), len(made.recent))
	}
}

// TestForgedNeedsASignedBody: where nothing is signed, nothing can be forged.
func TestForgedNeedsASignedBody(t *testing.T) {
	for _, change := range []func(*verifier.Scheme){
		func(s *verifier.Scheme) { s.Keys = []verifier.KeyForm{{Algorithm: verifier.Token}}; s.Encodings = nil },
		func(s *verifier.Scheme) { s.Signed, s.UnsignedID = "{method}", "" },
	} {
		scheme := presetNamed("github")
		change(&scheme)
		made, err := newTraffic(scheme, []string{testSecret}, "http://h/", 200, 1)
		if err != nil {
			t.Fatal(err)
		}
		m := mix{share: [kinds]float64{forged: 0.1}}
		if err := made.check(&m); err == nil || !strings.Contains(err.Error(), "does not sign the body") {
			t.Errorf("%v", err)
		}
	}
}
