//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// leaseBound is how long it may take until others have what a gateway had that has
// died: its lease, and then some.
const leaseBound = 30 * time.Second

// newMember configures a gateway that shares a PostgreSQL database with others, and
// forwards the events of sources to the app of each.
func newMember(t *testing.T, name, dsn string, to ...*app) *gateway {
	t.Helper()
	g := &gateway{t: t, name: name, address: freeAddress(t), other: freeAddress(t), home: t.TempDir()}
	g.env = []string{"HOOKGATE_PG=" + dsn}
	g.configure(g.caddyfile(to...))
	return g
}

// caddyfile is the configuration of a member.
func (g *gateway) caddyfile(to ...*app) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{
	admin unix/%s
	persist_config off
	grace_period 3s
	webhooks {
		store postgres {env.HOOKGATE_PG}
	}
}
http://%s {
	respond "another site"
}
http://%s {
`, g.socket(), g.other, g.address)
	for _, a := range to {
		fmt.Fprintf(&b, `	webhook /hooks/%[1]s* %[1]s {
		verify svix {env.CRASH_SECRET}
		forward %[2]s {
			header_up Gateway {env.HOOKGATE_GATEWAY}
		}
		concurrency %[3]d
		retry 100ms 200ms 500ms forever
	}
`, a.source, a.address, concurrency)
	}
	b.WriteString("}\n")
	return b.String()
}

func (g *gateway) socket() string { return filepath.Join(g.home, "admin.sock") }

// members starts so many gateways at once, on a database that may be empty, and returns
// once all run.
func members(t *testing.T, n int, dsn string, to ...*app) []*gateway {
	t.Helper()
	all := make([]*gateway, n)
	for i := range all {
		all[i] = newMember(t, fmt.Sprint("g", i), dsn, to...)
		all[i].launch()
	}
	for _, g := range all {
		g.listens()
		g.admin("GET", "/webhooks/sources", nil, nil)
	}
	return all
}

// admin asks the admin API of a gateway, once its configuration runs. What is given is
// sent as JSON, or as a Caddyfile if it is text; the answer is decoded, if into is not
// nil.
func (g *gateway) admin(method, path string, given, into any) {
	g.t.Helper()
	kind, text := "text/caddyfile", ""
	if s, ok := given.(string); ok {
		text = s
	} else if given != nil {
		kind = "application/json"
		b, err := json.Marshal(given)
		if err != nil {
			g.t.Fatal(err)
		}
		text = string(b)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", g.socket())
	}}
	defer transport.CloseIdleConnections()
	for started := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		r, err := http.NewRequestWithContext(g.t.Context(), method, "http://127.0.0.1"+path, strings.NewReader(text))
		if err != nil {
			g.t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		response, err := transport.RoundTrip(r)
		if err != nil {
			g.t.Fatalf("%s %s of %s: %v", method, path, g.name, err)
		}
		answer, err := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode == http.StatusServiceUnavailable && time.Since(started) < 30*time.Second { // on a busy machine
			continue
		}
		if err == nil && into != nil {
			err = json.Unmarshal(answer, into)
		}
		if err != nil || response.StatusCode != http.StatusOK {
			g.t.Fatalf("%s %s of %s: %d %s %v", method, path, g.name, response.StatusCode, answer, err)
		}
		return
	}
}

// number is that of the gateway among those that share the database.
func (g *gateway) number(dsn string) int64 {
	g.t.Helper()
	return ask[int64](g.t, dsn, "SELECT number FROM gateways WHERE name LIKE $1", fmt.Sprintf("%%:%d", g.cmd.Process.Pid))
}

// ask asks the database for one value.
func ask[T any](t *testing.T, dsn, query string, args ...any) (value T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, query, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

// until waits for something, and returns how long it took.
func until(t *testing.T, within time.Duration, what string, done func() bool) time.Duration {
	t.Helper()
	started := time.Now()
	for !done() {
		if time.Since(started) > within {
			t.Fatalf("after %v not yet: %s", within, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(started)
}

// accept sends new events to a gateway, which has to acknowledge them.
func (s *senders) accept(t *testing.T, to *gateway, name string, n int) {
	t.Helper()
	for k := range n {
		id := fmt.Sprintf("msg_%s_%s_%s_%d", s.source, name, to.name, k)
		if acked, err := s.post(to.address, id, s.write(id)); err != nil || !acked {
			t.Fatalf("%s does not acknowledge %s: %v", to.name, id, err)
		}
	}
}

// audit waits until all is delivered, and holds the app's ledger and the database to
// what was promised to a source. Each incarnation of a gateway may have made so many
// attempts that were made again, and none that does not appear.
func (a *app) audit(t *testing.T, dsn string, again map[string]int) {
	t.Helper()
	until(t, 2*leaseBound, "all that was acknowledged arrives", func() bool { return a.undelivered() == 0 })
	destination := "source/" + a.source
	pending := `SELECT COUNT(*) FROM deliveries WHERE destination = $1 AND state = 1`
	until(t, leaseBound, "all that was stored is delivered", func() bool { return ask[int64](t, dsn, pending, destination) == 0 })
	for what, query := range map[string]string{
		"events that are stored twice":        `SELECT COUNT(*) - COUNT(DISTINCT id) FROM events WHERE 'source/' || source = $1`,
		"events without a delivery":           `SELECT COUNT(*) FROM events e WHERE 'source/' || source = $1 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event = e.seq)`,
		"deliveries in another state":         `SELECT COUNT(*) FROM deliveries WHERE destination = $1 AND state <> 2`,
		"settled deliveries with an owner":    `SELECT COUNT(*) FROM deliveries WHERE destination = $1 AND owner <> 0`,
		"deliveries that count wrongly":       `SELECT COUNT(*) FROM deliveries d WHERE destination = $1 AND attempts <> (SELECT COUNT(*) FROM attempts a WHERE a.event = d.event AND a.n = d.n)`,
		"deliveries without a good attempt":   `SELECT COUNT(*) FROM deliveries d WHERE destination = $1 AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.event = d.event AND a.n = d.n AND status = 200)`,
		"deliveries after the good attempt":   `SELECT COUNT(*) FROM deliveries d JOIN attempts a ON a.event = d.event AND a.n = d.n WHERE d.destination = $1 AND NOT d.replay AND a.status = 200 AND a.number < d.attempts`,
		"events whose payload is not as told": `SELECT COUNT(*) FROM events e LEFT JOIN payloads p ON p.seq = e.seq WHERE 'source/' || source = $1 AND (p.seq IS NULL OR length(p.body) <> e.size)`,
	} {
		if n := ask[int64](t, dsn, query, destination); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	a.judge(t, ask[int64](t, dsn, `SELECT COUNT(*) FROM events WHERE 'source/' || source = $1`, destination), again)
}

// judge holds the ledger alone to what was promised.
func (l *ledger) judge(t *testing.T, stored int64, again map[string]int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, what := range l.wrong[:min(len(l.wrong), 10)] {
		t.Error(what)
	}
	twice, total := make(map[string]int), 0
	for _, makers := range l.makers {
		for n := 1; n < len(makers); n++ {
			twice[makers[n-1]]++
			total++
		}
	}
	t.Logf("%s: %d sent, %d acknowledged, %d stored, %d received; %d received again: %v", l.source, len(l.sent), len(l.acked), stored, len(l.received), total, twice)
	for _, maker := range slices.Sorted(maps.Keys(twice)) {
		if n := twice[maker]; n > again[maker] {
			t.Errorf("%d events that %s had delivered were received again, at most %d may be", n, maker, again[maker])
		}
	}
	if int(stored) != len(l.received) || len(l.acked) > len(l.received) || len(l.acked) == 0 {
		t.Errorf("%d events are acknowledged, %d are stored and %d were received", len(l.acked), stored, len(l.received))
	}
}
