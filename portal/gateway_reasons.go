package portal

import "github.com/hookgate/hookgate/gateway"

// reason is why requests were refused: what that means, and what can be done.
type reason struct {
	Type          string
	Count         int64
	Means, Remedy string
}

// reasons explain each type of the refusal table to operators.
var reasons = map[string][2]string{
	"method_not_allowed": {"It was no POST: a browser or a monitor has looked at the URL.", "Nothing is to be done. Let monitors ask webhook_health."},
	"missing_header":     {"A header that the signature needs is not there: the request is not from the provider, or the provider has no secret, or signs in another way.", "The log names the header. Compare it with the scheme of the source."},
	"malformed_header":   {"A header that the signature needs is there twice, or not in the scheme's form: another version of the scheme, or a proxy that doubles headers.", "The log says what is wrong with it."},
	"malformed_body":     {"The connection broke off, or a genuine body names its event twice.", "If it goes on, capture one request and run hookgate webhook verify on it."},
	"invalid_signature":  {"No secret verifies it: the wrong secret, a body that was changed on the way, or a forgery.", "Compare the secret with the provider's. Capture one request and run hookgate webhook verify on it."},
	"stale_timestamp":    {"It is genuine, and older than the tolerance: a replay, or a retry that carries the time of the first attempt.", "The log has the seconds. If the provider signs the time of the event, the scheme needs timestamp … event."},
	"future_timestamp":   {"It is genuine, and signed later than now: the clock of the sender is ahead.", "Tell the sender, or raise the second value of tolerance."},
	"clock_skew":         {"Most genuine requests are too old or too new, so that it is our clock that is wrong. Senders try again.", "Set the clock of this machine, with NTP."},
	"payload_too_large":  {"The body is larger than the source takes.", "Raise max_body if it is genuine, and body_memory with it."},
	"request_timeout":    {"The body did not arrive in time: a slow sender, or one that holds the connection on purpose.", "Raise read_timeout if it is genuine."},
	"in_progress":        {"A copy came while your app was busy with the event, and went on to be. Senders try again.", "Let the app answer sooner, raise wait, or store events with forward."},
	"unavailable":        {"The event could not be taken: the store, its disk, a limit, or no handler behind the source. Senders try again.", "The log has the cause. See the state of the store on the page of the gateway."},
	"loop_detected":      {"What this gateway has passed on came back to the same source.", "Correct the address that the source forwards to."},
}

// reasonsOf explains what was refused, in the order of the refusal table.
func reasonsOf(refused map[string]int64) (all []reason) {
	for _, r := range gateway.Refusals() {
		if n := refused[r.Type]; n > 0 {
			all = append(all, reason{r.Type, n, reasons[r.Type][0], reasons[r.Type][1]})
		}
	}
	return all
}
