//go:build linux

package sqlite_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// job is what a child process does with a store until it is killed. The test binary
// runs itself as that child.
type job struct {
	Path string
	// Run is the beginning of the ids that the child makes.
	Run string
	// Weak plants synchronous=NORMAL, behind the back of the check.
	Weak bool
	// Checkpoints writes the log back and begins it anew all the time.
	Checkpoints bool
	// Purge deletes the payloads of what is delivered, at once. The store looks for
	// them every second.
	Purge bool
	// Large makes bodies of 64 KiB, so that the log is long when the child dies.
	Large bool
	// Events is how many acknowledgements end the child, without closing the store;
	// 0 means none.
	Events int64
	// Hasty makes the store's clock run twenty times too fast, so that it waits less
	// before it tries again.
	Hasty bool
	// Hold keeps the store open and does nothing.
	Hold bool
}

const (
	jobVariable = "HOOKGATE_TEST_JOB"
	senders     = 16
	destination = "source/crash"
)

// A child never gets to the tests: it works from here, and ends here.
func init() {
	text, ok := os.LookupEnv(jobVariable)
	if !ok {
		return
	}
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		panic(err)
	}
	c := &child{job: j, records: os.NewFile(3, "records")}
	if err := c.work(); err != nil {
		c.tell("error", err.Error())
	}
	os.Exit(0)
}

// child tells its parent by lines on a pipe what it is about to do and what it was
// promised: a line that was written is safe from whatever happens to the child.
type child struct {
	job
	records *os.File
	acked   atomic.Int64
}

func (c *child) tell(words ...string) {
	line := make([]byte, 0, 128)
	for _, w := range words {
		line = append(append(line, strings.ReplaceAll(w, "\n", "; ")...), ' ')
	}
	line[len(line)-1] = '\n'
	if _, err := c.records.Write(line); err != nil {
		os.Exit(1) // the parent is gone
	}
}

// weak is a database that forgets what the check at Open has seen.
type weak struct{ *sqlite.File }

func (w weak) Open(ctx context.Context) error {
	if err := w.File.Open(ctx); err != nil {
		return err
	}
	_, err := w.Writer().ExecContext(ctx, "PRAGMA synchronous=NORMAL")
	return err
}

func (c *child) work() error {
	ctx := context.Background()
	file := sqlite.New(c.Path, time.Second)
	var db store.Database = file
	if c.Weak {
		db = weak{file}
	}
	var o store.Options
	if c.Hasty {
		started := time.Now()
		o.Now = func() time.Time { return started.Add(20 * time.Since(started)) }
	}
	c.tell("opening")
	s, err := store.Open(ctx, db, o)
	if err != nil {
		return err
	}
	c.tell("ready")
	if c.Hold {
		_, err := io.Copy(io.Discard, os.Stdin) // until the parent ends
		return err
	}
	if c.Purge {
		s.SetRetention(store.Retention{Age: time.Millisecond, Size: 1 << 40, Dead: time.Hour, Window: func(string) (time.Duration, bool) { return time.Hour, true }})
	}
	if c.Checkpoints {
		go func() {
			for n := 0; ; n++ {
				how := []string{"PASSIVE", "RESTART", "TRUNCATE"}[n%3]
				_, _ = file.Readers().ExecContext(ctx, "PRAGMA wal_checkpoint("+how+")")
			}
		}()
	}
	var all sync.WaitGroup
	for n := range senders {
		all.Go(func() { c.send(ctx, s, n) })
	}
	all.Wait()
	return nil
}

// send accepts arrivals and settles some, until there are enough. After a failure it
// goes on, as senders do.
func (c *child) send(ctx context.Context, s *store.Store, sender int) {
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for n := 0; c.Events == 0 || c.acked.Load() < c.Events; n++ {
		size := random.IntN(2 << 10)
		if c.Large {
			size = 64 << 10
		}
		a := arrival(fmt.Sprintf("%s.%d.%d", c.Run, sender, n), size)
		c.tell("sent", a.ID, strconv.Itoa(size), digest(a.Body))
		v, err := s.Accept(ctx, a)
		if err != nil {
			c.failed(err)
			continue
		}
		c.acked.Add(1)
		c.tell("acked", a.ID, strconv.FormatInt(v.Seq, 10))
		if o := outcome(v.Seq, random.IntN(4)); o != nil {
			c.settle(ctx, s, o)
		}
	}
}

func (c *child) settle(ctx context.Context, s *store.Store, o *store.Outcome) {
	seq, state := strconv.FormatInt(o.ID.Seq, 10), o.State.String()
	c.tell("settling", seq, state)
	s.Settle(ctx, o, func(err error) {
		if err != nil {
			c.tell("refused", kind(err), err.Error())
			return
		}
		c.tell("settled", seq, state)
	})
}

// failed tells why an arrival was refused, and waits a little, like a sender.
func (c *child) failed(err error) {
	c.tell("refused", kind(err), err.Error())
	time.Sleep(100 * time.Millisecond)
}

// kind is the name of the store's error.
func kind(err error) string {
	for name, is := range map[string]error{"full": store.ErrFull, "failed": store.ErrFailed, "unavailable": store.ErrUnavailable, "closed": store.ErrClosed} {
		if errors.Is(err, is) {
			return name
		}
	}
	return "other"
}

// arrival makes an event whose body follows from its id and size.
func arrival(id string, size int) *store.Arrival {
	sum := sha256.Sum256([]byte(id))
	body := bytes.Repeat(sum[:], size/len(sum)+1)[:size]
	var key store.Key
	copy(key.ID[:], sum[:])
	copy(key.Aside[:], sum[16:])
	seen := fnv.New128a()
	seen.Write(body)
	seen.Sum(key.Body[:0])
	return &store.Arrival{
		Source: "crash", To: []store.Target{{Destination: destination}}, ID: id, Type: "crash.test", Scheme: "svix",
		Received: time.Now(), Key: &key, Window: 72 * time.Hour, Head: []byte("POST / HTTP/1.1\n"), Body: body,
	}
}

// outcome is what becomes of an event: delivered, dead, tried once, or nothing yet.
func outcome(seq int64, choice int) *store.Outcome {
	now := time.Now()
	o := &store.Outcome{ID: store.DeliveryID{Seq: seq}, Destination: destination, At: now, Step: 1, Attempt: &store.Attempt{Number: 1, Started: now, Outcome: "test"}}
	switch choice {
	case 0:
		o.State = store.Delivered
	case 1:
		o.State, o.Reason = store.Dead, "exhausted"
	case 2:
		o.State, o.Due = store.Pending, now.Add(time.Hour)
	default:
		return nil
	}
	return o
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
