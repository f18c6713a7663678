package gateway_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// sized returns an event of that many bytes.
func (b *bed) sized(t testing.TB, id string, size int) *http.Request {
	t.Helper()
	return b.signed(t, "svix", verifier.Message{ID: id, Body: []byte(strings.Repeat("x", size))})
}

// watched calls look before each read of a body, with the bytes read so far.
type watched struct {
	io.Reader
	look func(read int)
	read int
}

func (w *watched) Read(p []byte) (int, error) {
	w.look(w.read)
	n, err := w.Reader.Read(p)
	w.read += n
	return n, err
}

func (w *watched) Close() error { return nil }

// TestBodyMemoryIsGivenBack on every way out of a request, and before the app runs:
// only bodies that nobody has verified count.
func TestBodyMemoryIsGivenBack(t *testing.T) {
	forge := func(r *http.Request) { r.Header.Set("Svix-Id", "msg_0") }
	b := newBed(t)
	for _, row := range []struct {
		name, result string
		change       func(*http.Request)
		answer       gateway.Next
		panics       bool
	}{
		{name: "accepted", result: "accepted"},
		{name: "duplicate", result: "duplicate"},
		{name: "forged", result: "invalid_signature", change: forge},
		{name: "too large, declared", result: "payload_too_large", change: func(r *http.Request) { r.ContentLength = 10 << 30 }},
		{name: "too large, chunked", result: "payload_too_large", change: func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat("x", 2<<20))), -1
		}},
		{name: "cut off", result: "malformed_body", change: func(r *http.Request) { r.Body = io.NopCloser(io.LimitReader(r.Body, 9000)) }},
		{name: "read error", result: "malformed_body", change: func(r *http.Request) {
			r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, 9000), failing{errors.New("broken")}))
		}},
		{name: "app fails", result: "failed", change: func(r *http.Request) { *r = *b.sized(t, "msg_2", 10_000) }, answer: status(500)},
		{name: "app panics", result: "failed", change: func(r *http.Request) { *r = *b.sized(t, "msg_3", 10_000) }, panics: true, answer: func(http.ResponseWriter, *http.Request) error {
			panic(http.ErrAbortHandler)
		}},
		{name: "the body's reader panics", panics: true, change: func(r *http.Request) {
			r.Body = &watched{Reader: r.Body, look: func(read int) {
				if read > 0 {
					panic(http.ErrAbortHandler)
				}
			}}
		}},
	} {
		b.watcher.take()
		b.app.answers(func(w http.ResponseWriter, r *http.Request) error {
			if held := b.process.Bodies.Used(); held != 0 {
				t.Errorf("%s: %d bytes are held while the app runs", row.name, held)
			}
			if row.answer != nil {
				return row.answer(w, r)
			}
			return status(http.StatusOK)(w, r)
		})
		r := b.sized(t, "msg_1", 10_000)
		if row.change != nil {
			row.change(r)
		}
		func() {
			defer func() {
				if got := recover(); (got != nil) != row.panics {
					t.Errorf("%s: panic: %v", row.name, got)
				}
			}()
			b.post(t, r)
		}()
		if held := b.process.Bodies.Used(); held != 0 {
			t.Errorf("%s: %d bytes are still held", row.name, held)
			b.process.Bodies.Give(held) // for the next row
		}
		if _, counted := b.watcher.take(); row.result != "" && (len(counted) != 1 || counted[0].Result != row.result) {
			t.Errorf("%s: counted %+v", row.name, counted)
		}
	}
}

// TestBodyMemoryGrowsWithWhatArrives, not with what is promised: at most twice the
// bytes that are there, and one page. (pitfall 32)
func TestBodyMemoryGrowsWithWhatArrives(t *testing.T) {
	const size = 1_000_000
	for _, declared := range []int64{size, -1} {
		b := newBed(t)
		most := int64(0)
		r := b.sized(t, "msg_1", size)
		r.ContentLength = declared
		r.Body = &watched{Reader: io.MultiReader(strings.NewReader("x"), io.LimitReader(r.Body, size-1)), look: func(read int) {
			held := b.process.Bodies.Used()
			if bound := max(4096, 2*int64(read)); held <= int64(read) || held > bound {
				t.Fatalf("%d bytes are held for %d that have arrived of %d", held, read, declared)
			}
			most = max(most, held)
		}}
		if got := b.forwarded(t, "a large body", r); len(got.body) != size {
			t.Errorf("%d bytes arrived", len(got.body))
		}
		if most < size || most > gateway.DefaultMaxBody+1 {
			t.Errorf("at the end %d bytes were held", most)
		}
	}
	b := newBed(t)
	r := b.sized(t, "msg_1", 10)
	r.Body = &watched{Reader: r.Body, look: func(int) {
		if held := b.process.Bodies.Used(); held > 11 {
			t.Errorf("%d bytes are held for a body of 10", held)
		}
	}}
	b.forwarded(t, "a small body", r)
}

// TestCapToTheByte: a body of max_body passes whole, one more byte does not,
// whether it is declared or not. (pitfall 31, B-02)
func TestCapToTheByte(t *testing.T) {
	for _, most := range []int{1, 10, 4095, 4096, 4097, 8191, 8192, 100_000} {
		b := newBed(t, func(cfg *gateway.Config) { cfg.MaxBody = int64(most) })
		for i, size := range []int{most - 1, most, most + 1, most + 4096} {
			for _, chunked := range []bool{false, true} {
				what := fmt.Sprintf("%d bytes of %d, chunked %v", size, most, chunked)
				r := b.sized(t, fmt.Sprintf("msg_%d_%v", i, chunked), size)
				if chunked {
					r.ContentLength = -1
				}
				if size > most {
					b.refused(t, what, r, "payload_too_large")
				} else if got := b.forwarded(t, what, r); got.body != strings.Repeat("x", size) || got.ContentLength != int64(size) {
					t.Errorf("%s: the app got %d, declared as %d", what, len(got.body), got.ContentLength)
				}
			}
		}
	}
}

// TestCapOfTheScheme: the largest that a scheme documents, unless the operator says
// how much.
func TestCapOfTheScheme(t *testing.T) {
	for _, row := range []struct {
		schemes []string
		set     int64
		want    int64
	}{
		{[]string{"svix"}, 0, 1 << 20},
		{[]string{"github"}, 0, 25_000_000},
		{[]string{"svix", "github"}, 0, 25_000_000},
		{[]string{"github", "svix"}, 0, 25_000_000},
		{[]string{"svix"}, 5 << 20, 5 << 20},
		{[]string{"github"}, 1000, 1000},
		{[]string{"svix", "github"}, 1000, 1000},
		{[]string{"github"}, 50_000_000, 50_000_000},
	} {
		b := newBed(t, func(cfg *gateway.Config) {
			cfg.MaxBody, cfg.Verify = row.set, nil
			for _, name := range row.schemes {
				s := preset(t, name)
				cfg.Verify = append(cfg.Verify, gateway.Verify{Scheme: s, Secrets: []string{secretOf(s)}})
			}
		})
		if b.MaxBody != row.want {
			t.Errorf("%v with max_body %d: the cap is %d; want %d", row.schemes, row.set, b.MaxBody, row.want)
		}
	}
}

// TestLargestCap: the largest number is how some will write that there is none.
func TestLargestCap(t *testing.T) {
	b := newBed(t, func(cfg *gateway.Config) { cfg.MaxBody = math.MaxInt64 })
	defer func() {
		if err := recover(); err != nil {
			t.Errorf("panic: %v", err)
		}
		if held := b.process.Bodies.Used(); held != 0 {
			t.Errorf("%d bytes are held", held)
		}
	}()
	b.forwarded(t, "a body", b.sized(t, "msg_1", 10_000))
}

// TestBodyMemoryIsABound: what would be over it is refused, for the moment, however
// far it has come; what fits is not.
func TestBodyMemoryIsABound(t *testing.T) {
	b := newBed(t)
	b.process.Bodies.SetLimit(20_000)
	b.refused(t, "a body that does not fit as it grows", b.sized(t, "msg_1", 30_000), "unavailable")
	b.forwarded(t, "a small one", b.sized(t, "msg_2", 3000))

	// Two that fit one by one, but not together.
	var once sync.Once
	r := b.sized(t, "msg_3", 4000)
	r.Body = &watched{Reader: r.Body, look: func(int) {
		once.Do(func() {
			b.process.Bodies.SetLimit(8000)
			b.refusedWhile(t, "a second body", b.sized(t, "msg_4", 4000), "unavailable")
			b.process.Bodies.SetLimit(8002)
			w := httptest.NewRecorder()
			if err := b.Receive(w, b.sized(t, "msg_4", 4000), b.app.next); err != nil || w.Code != http.StatusOK {
				t.Errorf("a second body that fits: %d, %v", w.Code, err)
			}
			b.app.take()
		})
	}}
	b.forwarded(t, "the first of two", r)

	b.process.Bodies.SetLimit(4095)
	if !b.process.Bodies.Full() {
		t.Error("not full without room for a page")
	}
	b.process.Bodies.SetLimit(4096)
	if b.process.Bodies.Full() {
		t.Error("full with room for a page")
	}
}

// refusedWhile is [bed.refused] while another body is being read.
func (b *bed) refusedWhile(t *testing.T, what string, r *http.Request, kind string) {
	t.Helper()
	before := b.process.Bodies.Used()
	w := b.post(t, r)
	wantRefusal(t, what, kind, w.Code, w.Header(), w.Body.String())
	if held := b.process.Bodies.Used(); held != before {
		t.Errorf("%s: %d bytes held before, %d after", what, before, held)
	}
}

// TestBudgetIsExact: a body that does not fit never shows in what is held, and so
// never keeps out one that does.
func TestBudgetIsExact(t *testing.T) {
	budget := gateway.NewBudget(1000)
	if budget.Take(1001) || !budget.Take(1000) || budget.Take(1) {
		t.Fatalf("%d bytes are held of 1000", budget.Used())
	}
	budget.Give(1000)
	stop := make(chan struct{})
	var large sync.WaitGroup
	for range 3 {
		large.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if budget.Take(2000) {
						t.Error("2000 bytes fit into 1000")
						return
					}
				}
			}
		})
	}
	tries := 3_000_000
	if raceEnabled || testing.Short() {
		tries = 100_000
	}
	for i := range tries {
		if !budget.Take(10) {
			t.Errorf("try %d: 10 bytes do not fit into 1000", i)
			break
		}
		held := budget.Used()
		budget.Give(10)
		if held != 10 {
			t.Errorf("try %d: %d bytes are held; want 10", i, held)
			break
		}
	}
	close(stop)
	large.Wait()
	if budget.Used() != 0 {
		t.Errorf("%d bytes are held at the end", budget.Used())
	}
}
