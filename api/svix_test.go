package api_test

import (
	"maps"
	"slices"
	"testing"
)

// behaviour is one of the tests of svix-server, said again as what a client sees. The
// numbers are those of the list in the reference, section 5.
type behaviour struct {
	numbers []int
	name    string // as svix-server calls its test
	config  config
	run     func(t *testing.T, s *server)
}

// svixBehaviours are all of them.
var svixBehaviours = slices.Concat(
	svixApplication, svixAuth, svixEndpoint, svixEndpointSecret, svixEndpointFilter, svixEndpointParts, svixEventType,
	svixMessage, svixAttempt, svixAttemptList, svixDelivery,
)

// TestSvix runs the behaviours of svix-server against a running gateway.
func TestSvix(t *testing.T) {
	for _, b := range svixBehaviours {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			b.run(t, newServer(t, b.config))
		})
	}
}

// notOurs are the numbers that no test has, with the reason.
var notOurs = map[int]string{
	4:  "e2e_application::test_uid_across_users: a gateway is one organisation",
	51: "e2e_attempt::test_message_attempts_empty_retry_schedule: a schedule has one delay at least",
}

// Each number of the list is tested, or there is a reason why it is not.
func TestSvixIsComplete(t *testing.T) {
	covered := make(map[int]string)
	names := make(map[string]bool)
	for _, b := range svixBehaviours {
		if names[b.name] {
			t.Errorf("%s is there twice", b.name)
		}
		names[b.name] = true
		for _, n := range b.numbers {
			covered[n] = b.name
		}
	}
	for n := 1; n <= 64; n++ {
		_, tested := covered[n]
		if reason := notOurs[n]; tested == (reason != "") {
			t.Errorf("number %d: tested %v, reason why not %q", n, tested, reason)
		}
	}
	if last := slices.Max(slices.Collect(maps.Keys(covered))); last > 64 {
		t.Errorf("there is no number %d", last)
	}
}
