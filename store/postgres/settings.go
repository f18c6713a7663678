package postgres

import (
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// What the server may take. A commit that waits longer is given up, and what it was to
// store is not acknowledged.
const (
	statementTimeout = 5 * time.Second  // of what commits
	lockTimeout      = 2 * time.Second  // for a row or a key that another gateway changes
	idleTimeout      = 5 * time.Second  // for a gateway that is frozen within a transaction
	queryTimeout     = 30 * time.Second // of what reads
	commitTimeout    = 8 * time.Second  // for a server that does not answer at all
	connectTimeout   = 5 * time.Second
)

// settings gives a connection those of the server's parameters that the connection
// string does not have. The server shall soon notice that a gateway is gone: what its
// session holds keeps others waiting.
func settings(c *pgx.ConnConfig, more map[string]string) *pgx.ConnConfig {
	c = c.Copy()
	all := map[string]string{
		"application_name": "hookgate", "jit": "off",
		"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3", "tcp_user_timeout": "20000",
	}
	maps.Copy(all, more)
	maps.Copy(all, c.RuntimeParams)
	c.RuntimeParams = all
	return c
}

// writing are the settings of the connection that commits. It changes rows that it
// names by their keys: nothing is better than to look up each in the index, whatever the
// statistics say of tables that were empty a minute ago. So one plan does for all.
func writing() map[string]string {
	return map[string]string{
		"statement_timeout": milliseconds(statementTimeout), "lock_timeout": milliseconds(lockTimeout), "idle_in_transaction_session_timeout": milliseconds(idleTimeout),
		"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
	}
}

// reading are those of the pool. A plan that was made while a table was small is a bad
// one later, so that each query is planned by what it asks for; and none has a reason to
// read a table through.
func reading() map[string]string {
	return map[string]string{
		"statement_timeout": milliseconds(queryTimeout), "lock_timeout": milliseconds(lockTimeout),
		"plan_cache_mode": "force_custom_plan", "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
	}
}

// leasing are those of the heartbeat. A renewal that a crash of the server takes back
// does no harm: the lease runs out the earlier.
func leasing() map[string]string {
	return map[string]string{
		"application_name": "hookgate lease", "statement_timeout": milliseconds(renewWithin), "lock_timeout": milliseconds(renewWithin), "synchronous_commit": "off",
	}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
