//go:build linux

package sqlite_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// ledger is what the children of one store have sent and were promised. It is in
// the memory of the parent, which nobody kills.
type ledger struct {
	mu       sync.Mutex
	dark     bool              // what is promised now counts for nothing
	purges   bool              // payloads of what is delivered may be gone
	purged   int               // and so many were
	sent     map[string]sent   // by id
	acked    map[string]int64  // id → sequence number
	settling map[int64]string  // sequence number → the state asked for
	settled  map[int64]bool    // that was promised
	refused  map[string]int    // kind of error → how often
	reasons  map[string]string // kind of error → the last one's text
}

// sent is the body of an event.
type sent struct {
	digest string
	size   int
}

func newLedger() *ledger {
	return &ledger{
		sent: make(map[string]sent), acked: make(map[string]int64), settling: make(map[int64]string),
		settled: make(map[int64]bool), refused: make(map[string]int), reasons: make(map[string]string),
	}
}

// process is a running child.
type process struct {
	cmd     *exec.Cmd
	opening chan struct{} // closed when the child begins to open the store
	ready   chan struct{} // closed when it has
	ended   chan struct{} // closed when all that it told is in the ledger
	failure string        // why it could not work, once it has ended
}

// start runs a child. The command before it, if any, runs the child: a tracer.
func (l *ledger) start(t *testing.T, j job, before ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	spec, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	args := slices.Concat(before, []string{self})
	p := &process{cmd: exec.Command(args[0], args[1:]...), opening: make(chan struct{}), ready: make(chan struct{}), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), jobVariable+"="+string(spec))
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a tracer ends with its child
	stdin, err := p.cmd.StdinPipe()                         // closed when this process ends
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.ExtraFiles = []*os.File{write}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	go func() {
		defer close(p.ended)
		defer read.Close()
		defer stdin.Close()
		l.follow(p, read)
	}()
	t.Cleanup(func() { p.kill() })
	return p
}

// follow takes down what a child tells, until it is gone.
func (l *ledger) follow(p *process, from io.Reader) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return // a line that is cut off was never said
		}
		l.record(p, strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3))
	}
}

func (l *ledger) record(p *process, words []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	number := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			panic(err)
		}
		return n
	}
	switch words[0] {
	case "opening":
		close(p.opening)
	case "ready":
		close(p.ready)
	case "sent":
		size, sum, _ := strings.Cut(words[2], " ")
		l.sent[words[1]] = sent{sum, int(number(size))}
	case "acked":
		if !l.dark {
			l.acked[words[1]] = number(words[2])
		}
	case "settling":
		l.settling[number(words[1])] = words[2]
	case "settled":
		if !l.dark {
			l.settled[number(words[1])] = true
		}
	case "refused":
		l.refused[words[1]]++
		l.reasons[words[1]] = words[2]
	case "error":
		p.failure = strings.Join(words[1:], " ")
	default:
		panic("a child said " + strings.Join(words, " "))
	}
}

// kill ends a child as SIGKILL does, and returns once its ledger is complete.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
	p.wait()
}

// wait returns once a child has ended and its ledger is complete.
func (p *process) wait() {
	<-p.ended
	_ = p.cmd.Wait() // how it ends is what the tests are about
}

// await waits for a child to open its store.
func (p *process) await(t *testing.T) {
	t.Helper()
	select {
	case <-p.ready:
	case <-p.ended:
		t.Fatalf("the child could not open its store: %s", p.failure)
	case <-time.After(30 * time.Second):
		t.Fatal("the child has not opened its store")
	}
}

// darken says whether the power is about to go, or back: what is promised in the
// dark is as if it had not been heard.
func (l *ledger) darken(dark bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dark = dark
}

// stored is an event as it is found after a crash.
type stored struct {
	seq   int64
	state store.State
	step  int
	body  string // its digest
}

// loss is what a crash has done that it must not do.
type loss struct {
	lost, invented, changed, undone, doubled []string
}

func (l loss) any() bool {
	return len(l.lost)+len(l.invented)+len(l.changed)+len(l.undone)+len(l.doubled) > 0
}

func (l loss) String() string {
	some := func(ids []string) string { return fmt.Sprintf("%d %v", len(ids), ids[:min(len(ids), 3)]) }
	return fmt.Sprintf("acknowledged and lost: %s; stored and never sent: %s; body changed: %s; outcome undone: %s; stored twice: %s",
		some(l.lost), some(l.invented), some(l.changed), some(l.undone), some(l.doubled))
}

// compare opens the store that a crash has left and holds it against the ledger.
// Then it does what senders do: what was not acknowledged is sent again, and some of
// what was.
func (l *ledger) compare(t *testing.T, path string) loss {
	t.Helper()
	ctx := context.Background()
	file := sqlite.New(path, time.Second)
	s, err := store.Open(ctx, file, store.Options{})
	if err != nil {
		t.Fatalf("the store does not open after the crash: %v", err)
	}
	defer s.Close()
	var integrity string
	if err := file.Readers().QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Errorf("after the crash the file is not whole: %s %v", integrity, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	found, result := l.read(t, file)
	for id, seq := range l.acked {
		if e, ok := found[id]; !ok || e.seq != seq {
			result.lost = append(result.lost, id)
		} else if !l.allows(e) {
			result.undone = append(result.undone, id)
		}
	}
	l.resend(t, s, found)
	return result
}

// read reads all events, and finds what nobody has sent.
func (l *ledger) read(t *testing.T, file *sqlite.File) (found map[string]stored, result loss) {
	t.Helper()
	rows, err := file.Readers().Query(`SELECT e.seq, e.id, d.state, d.step, p.body FROM events e
JOIN deliveries d ON d.event = e.seq LEFT JOIN payloads p ON p.seq = e.seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found = make(map[string]stored)
	for rows.Next() {
		var e stored
		var id string
		var body []byte
		if err := rows.Scan(&e.seq, &id, &e.state, &e.step, &body); err != nil {
			t.Fatal(err)
		}
		e.body = digest(body)
		if body == nil && l.purges && l.settling[e.seq] == store.Delivered.String() {
			e.body = l.sent[id].digest // it may be gone
			l.purged++
		}
		switch was, ok := l.sent[id]; {
		case !ok:
			result.invented = append(result.invented, id)
		case was.digest != e.body:
			result.changed = append(result.changed, id)
		}
		if _, twice := found[id]; twice {
			result.doubled = append(result.doubled, id)
		}
		found[id] = e
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found, result
}

// allows reports whether the state of an event is one that it may have: what was
// promised, or where the promise is open also the state before.
func (l *ledger) allows(e stored) bool {
	before := e.state == store.Pending && e.step == 0
	asked, ok := l.settling[e.seq]
	switch {
	case !ok:
		return before
	case e.state.String() == asked && e.step == 1:
		return true
	default:
		return before && !l.settled[e.seq]
	}
}

// resend sends again what was never acknowledged, and a few that were.
func (l *ledger) resend(t *testing.T, s *store.Store, found map[string]stored) {
	t.Helper()
	again := 0
	for id, was := range l.sent {
		seq, acked := l.acked[id]
		e, there := found[id]
		if acked && (again >= 10 || !there) {
			continue
		}
		if acked {
			again++
		}
		v, err := s.Accept(context.Background(), arrival(id, was.size))
		switch {
		case err != nil:
			t.Fatalf("%s, sent again: %v", id, err)
		case there && v.Result != store.Duplicate && v.Result != store.Rearmed, there && v.Seq != e.seq:
			t.Errorf("%s is stored as %d and was sent again: result %d, event %d", id, e.seq, v.Result, v.Seq)
		case !there && v.Result != store.Stored:
			t.Errorf("%s is not stored and was sent again: result %d", id, v.Result)
		case acked && v.Seq != seq:
			t.Errorf("%s was acknowledged as %d and is %d", id, seq, v.Seq)
		}
		l.acked[id] = v.Seq
		if v.Result == store.Rearmed {
			delete(l.settling, v.Seq)
			delete(l.settled, v.Seq)
		}
	}
}

// moment waits for a random part of a span: when a crash comes is chance. There is
// nothing to wait for.
func moment(atMost time.Duration) { time.Sleep(rand.N(atMost)) }
