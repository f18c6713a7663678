package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// recorder keeps every statement that a store sends, with its arguments and the settings
// of its connection.
type recorder struct {
	mu         sync.Mutex
	statements map[string]statement
}

type statement struct {
	sql      string
	args     []any
	settings map[string]string
}

var (
	_ pgx.QueryTracer = (*recorder)(nil)
	_ pgx.BatchTracer = (*recorder)(nil)
)

func (r *recorder) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.note(conn, data.SQL, data.Args)
	return ctx
}

func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (r *recorder) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (r *recorder) TraceBatchQuery(_ context.Context, conn *pgx.Conn, data pgx.TraceBatchQueryData) {
	r.note(conn, data.SQL, data.Args)
}

func (r *recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (r *recorder) note(conn *pgx.Conn, sql string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	values := make([]any, 0, len(args))
	for _, a := range args {
		switch a.(type) {
		case pgx.QueryResultFormats, pgx.QueryResultFormatsByOID, pgx.QueryExecMode: // how, not what
		default:
			values = append(values, a)
		}
	}
	settings := conn.Config().RuntimeParams
	r.statements[settings["plan_cache_mode"]+sql] = statement{sql, values, settings}
}

// planNode is what is looked at of a plan.
type planNode struct {
	Type     string     `json:"Node Type"`
	Relation string     `json:"Relation Name"`
	Index    string     `json:"Index Name"`
	Cond     string     `json:"Index Cond"`
	Plans    []planNode `json:"Plans"`

	under string // of a bitmap: the relation that it is of
}

func (n *planNode) walk(visit func(*planNode)) {
	visit(n)
	for i := range n.Plans {
		if n.Plans[i].Type == "Bitmap Index Scan" {
			n.Plans[i].under = n.Relation
		}
		n.Plans[i].walk(visit)
	}
}

// large are the tables that grow.
var large = []string{"events", "payloads", "deliveries", "attempts"}

// scans returns what a plan reads without knowing where: whole tables, and indexes from
// one end to the other.
func (n *planNode) scans() (scans []string) {
	n.walk(func(n *planNode) {
		relation := n.Relation + n.under
		switch n.Type {
		case "Seq Scan":
		case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
			if n.Cond != "" {
				return
			}
			if n.Type == "Bitmap Index Scan" {
				relation, _, _ = strings.Cut(n.Index, "_")
			}
		default:
			return
		}
		if slices.Contains(large, relation) {
			scans = append(scans, n.Type+" "+relation+" "+n.Index)
		}
	})
	return scans
}

// excused are statements that may, and why. Each is the beginning of one.
var excused = map[string]string{
	"SELECT destination, COUNT(*) FROM deliveries WHERE state = 1": "opening counts what is pending, in an index of nothing else; with others about at most a fiftieth of the time",
	"SELECT destination, COUNT(*) FROM deliveries WHERE state = 3": "the same with what is dead",
	"SELECT COUNT(*) FROM events e JOIN deliveries":                "a person asks how much a replay would deal with; it says that it reads all",
	deliverySelect + " FROM deliveries d JOIN":                     "the same of what is pending or dead",
	deliverySelect + " FROM events":                                "a page of a list is read in the order of its index, until it is full",
}

var parameter = regexp.MustCompile(`\$(\d+)`)

// explain asks for the plan of a statement as the store's connection would make it.
func explain(t *testing.T, dsn string, s statement) *planNode {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range s.settings {
		if !strings.HasSuffix(name, "_timeout") && name != "application_name" {
			config.RuntimeParams[name] = value
		}
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var text []byte
	if s.settings["plan_cache_mode"] == "force_generic_plan" {
		run(t, conn, "PREPARE s AS "+s.sql)
		most := 0
		for _, p := range parameter.FindAllStringSubmatch(s.sql, -1) {
			var n int
			_, _ = fmt.Sscan(p[1], &n) // they are digits
			most = max(most, n)
		}
		nulls := ""
		if most > 0 {
			nulls = "(NULL" + strings.Repeat(", NULL", most-1) + ")"
		}
		err = conn.QueryRow(t.Context(), "EXPLAIN (FORMAT JSON) EXECUTE s"+nulls, pgx.QueryExecModeSimpleProtocol).Scan(&text)
	} else {
		err = conn.QueryRow(t.Context(), "EXPLAIN (FORMAT JSON) "+s.sql, s.args...).Scan(&text)
	}
	if err != nil {
		t.Fatalf("%s: %v", s.sql, err)
	}
	var plans []struct{ Plan planNode }
	if err := json.Unmarshal(text, &plans); err != nil || len(plans) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	return &plans[0].Plan
}

// planned reports whether a statement has a plan that is looked at.
func planned(sql string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
	return slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}, word) && !strings.Contains(sql, "pg_settings") && sql != ""
}

// fillForPlans loads so many events, of which one in a hundred is pending, one dead, and
// the rest delivered.
func fillForPlans(t *testing.T, conn *pgx.Conn, from, n int) {
	t.Helper()
	run(t, conn, fmt.Sprintf(`WITH s AS (SELECT i, 1000000 + i AS seq, CASE i %% 100 WHEN 0 THEN 1 WHEN 1 THEN 3 ELSE 2 END AS state FROM generate_series(%d, %d) i), e AS (
	INSERT INTO events (seq, source, id, type, scheme, stamp, received, size, keep, place, body)
	SELECT seq, 'b', 'old' || i, 'x', 'svix', 0, 1700000000000 + i, 100, 1000, decode(md5(i::text), 'hex'), '\x00' FROM s
), p AS (
	INSERT INTO payloads (seq, sum, head, body) SELECT seq, 0, '\x00', convert_to(repeat('x', 100), 'UTF8') FROM s
), a AS (
	INSERT INTO attempts (event, n, number, started, took, outcome, status, error) SELECT seq, 0, 1, 1700000000000, 5, 'ok', 200, '' FROM s
)
INSERT INTO deliveries (event, n, destination, state, armed, due, settled) SELECT seq, 0, 'source/b', state, 1700000000000 + i, 1700000000000 + i, 1700000000000 + i FROM s`, from, from+n-1))
	run(t, conn, fmt.Sprintf(`WITH s AS (SELECT i, 5000000 + i AS seq FROM generate_series(%d, %d) i), e AS (
	INSERT INTO events (seq, source, id, type, scheme, stamp, received, size, keep)
	SELECT seq, 'app_' || i %% 7, '', 'x', '', 0, 1700000000000 + i, 100, 1000 FROM s
), p AS (
	INSERT INTO payloads (seq, sum, head, body) SELECT seq, 0, '\x00', convert_to(repeat('x', 100), 'UTF8') FROM s
), a AS (
	INSERT INTO attempts (event, n, number, started, took, outcome, status, error, destination)
	SELECT seq, n, 1, 1700000000000 + i, 5, 'ok', 200, '', 'ep_' || (i + n) %% 11 FROM s, generate_series(0, 2) n
)
INSERT INTO deliveries (event, n, destination, state, armed, due, settled)
SELECT seq, n, 'ep_' || (i + n) %% 11, 2, 1700000000000 + i, 1700000000000 + i, 1700000000000 + i FROM s, generate_series(0, 2) n`, from, from+n/4-1))
}
