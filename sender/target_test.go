package sender

import (
	"net/http"
	"testing"
)

// TestTargets: what was read of an endpoint before it was changed is not remembered.
func TestTargets(t *testing.T) {
	var known targets
	known.init()
	_, before := known.get("ep_1")
	known.forget("ep_1")
	known.put("ep_1", &target{}, before)
	if found, _ := known.get("ep_1"); found != nil {
		t.Error("what is old is remembered")
	}
	for _, forget := range [][]string{{"ep_1"}, {}} {
		_, now := known.get("ep_1")
		known.put("ep_1", &target{}, now)
		if found, _ := known.get("ep_1"); found == nil {
			t.Fatal("nothing is remembered")
		}
		known.forget(forget...)
		if found, _ := known.get("ep_1"); found != nil {
			t.Errorf("forgetting %v forgets nothing", forget)
		}
	}
}

// TestOwnHeadersAreSafe: whatever is stored as an endpoint's own headers, it replaces none
// of ours.
func TestOwnHeadersAreSafe(t *testing.T) {
	ours := http.Header{"Webhook-Id": {"ours"}, "Content-Type": {"application/json"}, "X-Ours": {"ours"}}
	addHeaders(ours, map[string]string{"webhook-id": "theirs", "CONTENT-TYPE": "theirs", "x-ours": "theirs", "host": "theirs", "X-A": "a\r\nb", "x-OWN": "own"})
	if len(ours) != 4 || ours.Get("Webhook-Id") != "ours" || ours.Get("Content-Type") != "application/json" || ours.Get("X-Ours") != "ours" || ours["x-OWN"][0] != "own" {
		t.Errorf("%v", ours)
	}
}
