package verifier_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0": 0, "0d": 0, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "30d": 30 * day, "1d12h": day + 12*time.Hour, "1d0s": day, "007d": 7 * day,
		"2d1ns": 2*day + 1, "65535d": 65535 * day, "-5m": -5 * time.Minute, "1.5h": 90 * time.Minute,
	} {
		if got, err := verifier.ParseDuration(text); err != nil || time.Duration(got) != want {
			t.Errorf("%s: %v, error %v; want %v", text, time.Duration(got), err, want)
		}
	}
	for text, want := range map[string]string{
		"":                  `time: invalid duration ""`,
		"5":                 `time: missing unit in duration "5"`,
		"soon":              `time: invalid duration "soon"`,
		"d":                 `invalid duration "d": days are a whole number before the d`,
		"1.5d":              `invalid duration "1.5d": days are a whole number before the d`,
		"-1d":               `invalid duration "-1d": days are a whole number before the d`,
		"+1d":               `invalid duration "+1d": days are a whole number before the d`,
		" 1d":               `invalid duration " 1d": days are a whole number before the d`,
		"12h1d":             `invalid duration "12h1d": days are a whole number before the d`,
		"65536d":            `invalid duration "65536d": days are a whole number before the d`,
		"1day":              `invalid duration "1day"`,
		"1d1d":              `invalid duration "1d1d"`,
		"1d-1h":             `invalid duration "1d-1h"`,
		"1d 1h":             `invalid duration "1d 1h"`,
		"65535d2562047h":    `duration "65535d2562047h" is too long`,
		"99999999999999h":   `time: invalid duration "99999999999999h"`,
		"1d99999999999999h": `invalid duration "1d99999999999999h"`,
	} {
		if got, err := verifier.ParseDuration(text); fmt.Sprint(err) != want || got != 0 {
			t.Errorf("%s: %v, error %v; want %s", text, time.Duration(got), err, want)
		}
	}
}

func TestDurationAsJSON(t *testing.T) {
	for _, d := range []time.Duration{0, 1, time.Second, 90 * time.Minute, 30 * 24 * time.Hour, -time.Hour, math.MaxInt64, math.MinInt64, -1} {
		data, err := json.Marshal(verifier.Duration(d))
		if err != nil {
			t.Fatal(err)
		}
		back := verifier.Duration(42)
		if err := json.Unmarshal(data, &back); err != nil || time.Duration(back) != d {
			t.Errorf("%v is written %s and read %v, error %v", d, data, time.Duration(back), err)
		}
	}
	for text, want := range map[string]time.Duration{
		`"5m"`: 5 * time.Minute, `"30d"`: 30 * 24 * time.Hour, `300000000000`: 5 * time.Minute, `"unbounded"`: -1, `0`: 0,
	} {
		got := verifier.Duration(42)
		if err := json.Unmarshal([]byte(text), &got); err != nil || time.Duration(got) != want {
			t.Errorf("%s: %v, error %v; want %v", text, time.Duration(got), err, want)
		}
	}
	for text, want := range map[string]string{
		`true`: `a duration is a text such as "5m" or a number of nanoseconds`,
		`1.5`:  `a duration is a text such as "5m" or a number of nanoseconds`,
		`1e30`: `a duration is a text such as "5m" or a number of nanoseconds`,
		`{}`:   `a duration is a text such as "5m" or a number of nanoseconds`,
		`"5"`:  `time: missing unit in duration "5"`,
		`"1x"`: `time: unknown unit "x" in duration "1x"`,
		`""`:   `time: invalid duration ""`,
	} {
		var got verifier.Duration
		if err := json.Unmarshal([]byte(text), &got); fmt.Sprint(err) != want {
			t.Errorf("%s: %v, error %v; want %s", text, time.Duration(got), err, want)
		}
	}
}

// TestSchemeAsJSON: a scheme survives its JSON form.
func TestSchemeAsJSON(t *testing.T) {
	for _, f := range fixtures(t) {
		data, err := json.Marshal(f.scheme)
		if err != nil {
			t.Fatal(err)
		}
		var back verifier.Scheme
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		again, err := json.Marshal(back)
		if err != nil || string(again) != string(data) {
			t.Errorf("%s becomes %s, error %v", data, again, err)
		}
		if _, err := newVerifier(t, back, f.secret).Verify(post(f.header), f.message.Body, noon); err != nil {
			t.Errorf("%s from its JSON: %v", f.name, err)
		}
		if back.RetryHorizon != f.scheme.RetryHorizon || back.MaxBody != f.scheme.MaxBody {
			t.Errorf("%s: horizon %v, cap %d; want %v, %d", f.name, back.RetryHorizon, back.MaxBody, f.scheme.RetryHorizon, f.scheme.MaxBody)
		}
	}
}
