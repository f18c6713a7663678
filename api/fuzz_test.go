package api_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/hookgate/hookgate/api"
)

// FuzzBody: whatever comes is taken or refused as such. Nothing panics, and nothing that
// is wrong is our fault.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "null", `{"name":"a","uid":null,"throttleRate":1,"metadata":{"a":"b"}}`, `{"url":"https://x","eventTypes":["a"],"headers":{"a":null}}`,
		`{"eventType":"a","payload":{"a":[1,{}]},"application":{"name":"a"},"transformationsParams":{"rawPayload":"x"},"deliverAt":"2026-01-01T00:00:00Z"}`,
		`{"since":"2026-01-01T00:00:00Z","status":9}`, `{"name":"a","name":"b"}`, "{\"name\":\"\xff\"}", `{"capabilities":["ViewBase"],"expiry":-1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, errs := api.ParseBodies(text)
		for _, err := range errs {
			var problem *api.ValidationError
			if !errors.As(err, &problem) || len(problem.Detail) == 0 || api.RefusalOf(err) != http.StatusUnprocessableEntity {
				t.Fatalf("%q: %v", text, err)
			}
			for _, p := range problem.Detail {
				if len(p.Loc) == 0 || p.Loc[0] != "body" || p.Msg == "" || p.Type == "" {
					t.Fatalf("%q: %+v", text, p)
				}
			}
		}
	})
}

// FuzzQuery: whatever comes is read, or refused with 400 or 422.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "limit=1&iterator=-ep_x&order=ascending", "event_types[]=a&event_types[0]=b,c", "before=2026-01-01T00:00:00Z&after=2026-01-01T00:00:00+01:00",
		"status=3&status_code_class=500", "with_content=true", "limit=0", "limit=99999999999999999999", "%zz", "a;b", "event_types[", "before=2026-01-01T00:00:00.999999999999Z",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if err := api.ParseQuery(raw); err != nil {
			if status := api.RefusalOf(err); status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
				t.Fatalf("%q: %d %v", raw, status, err)
			}
		}
	})
}
