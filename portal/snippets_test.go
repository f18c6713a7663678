package portal_test

import (
	"encoding/json"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/portal"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// The receivers that the portal shows take what our sender signs, under the old secret as
// well while it is rotated, and refuse everything else.
func TestSnippets(t *testing.T) {
	for _, scheme := range []string{sender.SchemeSvix, sender.SchemeStandard, sender.SchemeTravelbase} {
		snippets, err := portal.SnippetsFor(scheme)
		if err != nil || len(snippets) != 5 {
			t.Fatalf("%d snippets, %v", len(snippets), err)
		}
		for _, s := range snippets {
			t.Run(scheme+" "+s.Language, func(t *testing.T) {
				t.Parallel()
				b := newBed(t, config{})
				app := b.app("Acme")
				address := freeAddress(t)
				ep := b.endpoint(app.ID, sender.EndpointIn{URL: "http://" + address + "/", Scheme: scheme})
				secret, err := b.sender.EndpointSecret(t.Context(), app.ID, ep.ID)
				b.must(err)
				b.runSnippet(s, address, secret)
				delivered := func(what string) {
					t.Helper()
					m, _, err := b.sender.CreateMessage(t.Context(), app.ID, sender.MessageIn{EventType: "a.b", Payload: json.RawMessage(`{"text":"für €"}`)})
					b.must(err)
					var last sender.List[sender.Attempt]
					b.eventually(what, func() bool {
						last, err = b.sender.AttemptsByMessage(t.Context(), app.ID, m.ID, sender.AttemptFilter{})
						b.must(err)
						return len(last.Data) > 0
					})
					if a := last.Data[0]; a.Status != sender.StatusSuccess || a.StatusCode != http.StatusNoContent {
						t.Errorf("%s: %d %s", what, a.StatusCode, a.Error)
					}
				}
				delivered("a message")
				b.must(b.store.Do(t.Context(), func(tx *store.Tx) error { return b.sender.RotateSecret(tx, app.ID, ep.ID, "", time.Hour) }))
				if scheme != sender.SchemeTravelbase { // its one header has room for one signature: the new one's
					delivered("a message while the secret is rotated")
				}
				for _, signature := range []string{"", "v1,", "v1,AAAA", strings.Repeat("0", 64), "v1," + strings.Repeat("A", 43) + "="} {
					r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, ep.URL, strings.NewReader(`{}`))
					b.must(err)
					for _, prefix := range []string{"svix-", "webhook-", "x-webhook-"} {
						r.Header.Set(prefix+"id", "msg_1")
						r.Header.Set(prefix+"timestamp", time.Now().UTC().Format("20060102150405"))
						r.Header.Set(prefix+"signature", signature)
					}
					response, err := http.DefaultClient.Do(r)
					b.must(err)
					b.must(response.Body.Close())
					if response.StatusCode != http.StatusUnauthorized {
						t.Errorf("%q: %d", signature, response.StatusCode)
					}
				}
			})
		}
	}
}

// nextPort is the next port for a receiver: below those that systems give to whoever wants
// any, so that nobody else takes one between the look and the receiver's start.
var nextPort = func() *atomic.Int32 {
	n := new(atomic.Int32)
	n.Store(20_000 + rand.Int32N(10_000))
	return n
}()

// freeAddress is one on loopback that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(int(nextPort.Add(1))))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("there is no free port")
	return ""
}

// runSnippet runs a receiver until the test has ended.
func (b *bed) runSnippet(s portal.Snippet, address, secret string) {
	b.Helper()
	args := strings.Fields(strings.Split(s.Run, "#")[0])
	if s.Language == "PHP" {
		args[2] = address
	}
	if _, err := exec.LookPath(args[0]); err != nil {
		faults.Missing(b, args[0])
	}
	dir := b.TempDir()
	b.must(os.WriteFile(filepath.Join(dir, s.File), []byte(s.Code), 0o600))
	if s.Language == "Go" { // go run would leave its child behind
		build := exec.Command("go", "build", "-o", "receiver", s.File)
		build.Dir = dir
		if out, err := build.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		args = []string{filepath.Join(dir, "receiver")}
	}
	_, port, err := net.SplitHostPort(address)
	b.must(err)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "WEBHOOK_SECRET="+secret, "PORT="+port)
	said := new(logBuffer)
	cmd.Stdout, cmd.Stderr = said, said
	b.must(cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		if b.Failed() {
			b.Logf("the receiver said:\n%s", said)
		}
	})
	b.eventually("the receiver listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}
