package postgres

import (
	"strings"
	"time"

	"github.com/hookgate/hookgate/store"
)

// claim skips what another gateway is just claiming, and leaves out what is claimed by
// one whose lease runs. What this gateway has claimed but does not hold it may have: the
// answer to an earlier claim may have been lost.
const claim = `UPDATE deliveries SET owner = ? WHERE (event, n) IN (
SELECT event, n FROM deliveries WHERE destination = ? AND state = 1 AND due >= ? AND due <= ?
AND owner NOT IN (SELECT number FROM gateways WHERE number > 0 AND number <> ? AND expires > clock_timestamp())
AND event <> ALL(?) ORDER BY due, armed, event LIMIT ? FOR UPDATE SKIP LOCKED) RETURNING *`

var dialect = store.Dialect{
	Integer: "BIGINT", Blob: "BYTEA", Ordered: `TEXT COLLATE "C"`, Begin: "BEGIN", Numbered: true, Text: text,
	In: "= ANY(?)", List: func(numbers []int64) any { return numbers },
	Lock: " FOR UPDATE", Claim: claim, Timeout: commitTimeout, Patience: queryTimeout + time.Second, Reopen: 2 * time.Second,
}

// text is a text as the server takes it: UTF-8 without NUL, which hostile senders have
// no right to either.
func text(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
