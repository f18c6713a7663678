package store

import "context"

// Statements returns what the committer has prepared.
func (s *Store) Statements() []string {
	var all []string
	_ = s.Do(context.Background(), func(tx *Tx) error {
		for query := range tx.statements {
			all = append(all, query)
		}
		return nil
	})
	return all
}

// Queries are those of the readers that run again and again.
var Queries = map[string]string{
	"due": dueQuery, "next due": nextDueQuery, "oldest": oldestQuery, "release": releaseQuery, "expire": expireQuery,
	"delivery": "SELECT " + deliveryColumns + ", p.head, p.body FROM " + deliveryFrom,
	"past":     pastQuery, "recover": "SELECT d.event " + recoverQuery + " ORDER BY d.settled, d.event LIMIT ?",
	"replay": "SELECT d.event " + replayQuery + " ORDER BY d.event LIMIT ?", "adopt": adoptQuery,
	"pending": pendingQuery, "least": leastQuery, "dead": deadQuery,
	"count messages": countMessagesQuery, "messages": messagesQuery(false, true), "messages up": messagesQuery(true, true), "messages chosen": messagesQuery(false, false),
	"deliveries to": deliveriesToQuery(false), "deliveries to up": deliveriesToQuery(true), "deliveries of": deliveriesOfQuery,
	"attempts to": attemptsQuery(attemptsTo, false), "attempts to up": attemptsQuery(attemptsTo, true),
	"attempts chosen": placesQuery(false, false), "attempts chosen up": placesQuery(true, true),
	"attempts of": attemptsQuery(attemptsOf, false), "attempt": attemptQuery, "tally": tallyQuery, "tally step": tallyStepQuery, "attempts whole": chosenQuery + "a.event IN (SELECT value FROM json_each(?))", "heads": headsQuery + "seq IN (SELECT value FROM json_each(?))",
	"count step": countStepQuery, "failed": failedQuery,
	"missing": missingNext, "missing all": "SELECT COUNT(*) " + missingQuery, "select": selectNext, "select all": "SELECT COUNT(*) " + selectQuery,
}

// Query returns how a filter is written.
func (f Filter) Query() string {
	query, _ := f.query(50, int64(f.Among))
	return query
}

// WithMigrations runs a function as a release whose tables have these steps more.
func WithMigrations(more []Migration, run func()) {
	defer func(before []Migration) { migrations = before }(migrations)
	migrations = append(append([]Migration(nil), migrations...), more...)
	run()
}
