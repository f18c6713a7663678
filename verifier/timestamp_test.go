package verifier_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// timed is a scheme whose time is in a header, in one of the formats.
func timed(format verifier.TimeFormat) verifier.Scheme {
	return hmacOf("timed", "X-Signature", func(s *verifier.Scheme) {
		s.Signed, s.Timestamp = "{timestamp}.{body}", &verifier.Timestamp{From: "header:X-Time", Format: format}
	})
}

// stamped verifies a body under a time that is correctly signed as it stands.
func stamped(t *testing.T, format verifier.TimeFormat, text string, now time.Time) (verifier.Verified, error) {
	t.Helper()
	s := timed(format)
	h := http.Header{"X-Time": {text}, "X-Signature": {hmacText(t, s, testSecret(s), text+".{}")}}
	return newVerifier(t, s, testSecret(s)).Verify(post(h), []byte("{}"), now)
}

// TestPitfall39NumbersHaveOneSpelling: even signed as it stands, a number in
// another spelling is refused. (pitfall 39) (S-14)
func TestPitfall39NumbersHaveOneSpelling(t *testing.T) {
	for _, text := range []string{
		"+1795435200", "01795435200", "0000000001795435200", "0795435200", "1795435200.0", "1795435200.", ".1795435200", "1.795435200e9",
		"1e9", "0x6b03e380", "1_795_435_200", "1,795,435,200", "1795435200abc", "1795435200Z", "1795435200 x", "179543520", "17954352000",
		"１７９５４３５２００", "१७९५४३५२००", "\x001795435200", "1795435200\x00", "NaN", "Infinity", "null", "-", "--1795435200", "2026-11-23T12:00:00Z",
	} {
		if _, err := stamped(t, verifier.Unix, text, noon); !errors.Is(err, verifier.ErrMalformedHeader) {
			t.Errorf("%q as seconds: %v", text, err)
		}
		if _, err := stamped(t, verifier.UnixMilli, text, noon); !errors.Is(err, verifier.ErrMalformedHeader) {
			t.Errorf("%q as milliseconds: %v", text, err)
		}
	}
}

// (pitfall 40) (T-02)
func TestPitfall40NumbersOutOfRange(t *testing.T) {
	for _, text := range []string{
		"0", "-1", "-1795435200", "9223372036854775807", "9223372036854775808", "18446744073709551616", "99999999999999999999",
		"1000000000000000000", "00000000000000000000000000000000000000000001795435200",
	} {
		for _, format := range []verifier.TimeFormat{verifier.Unix, verifier.UnixMilli, verifier.RFC3339} {
			if _, err := stamped(t, format, text, noon); !errors.Is(err, verifier.ErrMalformedHeader) {
				t.Errorf("%q as %s: %v", text, format, err)
			}
		}
	}
	for _, test := range []struct {
		format verifier.TimeFormat
		text   string
		want   string
	}{
		{verifier.Unix, "1795435200000", "malformed header X-Time: timestamp is in milliseconds, this scheme has seconds"},
		{verifier.UnixMilli, "1795435200", "malformed header X-Time: timestamp is in seconds, this scheme has milliseconds"},
		{verifier.Unix, "soon", "malformed header X-Time: timestamp has to be ten digits, seconds since 1970"},
		{verifier.UnixMilli, "soon", "malformed header X-Time: timestamp has to be thirteen digits, milliseconds since 1970"},
		{verifier.RFC3339, "1795435200", "malformed header X-Time: timestamp has to be an RFC 3339 date and time with a zone, as 2026-02-20T16:25:51.293Z"},
		{verifier.Unix, "9999999999", "future timestamp X-Time (+8204564799 s)"},
		{verifier.Unix, "1000000000", "stale timestamp X-Time (-795435200 s)"},
		{verifier.UnixMilli, "9999999999999", "future timestamp X-Time (+8204564800 s)"},
		{verifier.RFC3339, "0000-01-01T00:00:00Z", "stale timestamp X-Time (-9223372037 s)"},
		{verifier.RFC3339, "9999-12-31T23:59:59Z", "future timestamp X-Time (+9223372037 s)"},
	} {
		if _, err := stamped(t, test.format, test.text, noon); err == nil || err.Error() != test.want {
			t.Errorf("%q as %s: %v; want %s", test.text, test.format, err, test.want)
		}
	}
}

// TestPitfall41BothEdgesOfTheTolerance: an instant within, up to and including
// the edge, is fresh; the next one is not. (pitfall 41) (T-01)
func TestPitfall41BothEdgesOfTheTolerance(t *testing.T) {
	for _, test := range []struct {
		past, future time.Duration // 0: the scheme's
		wantPast     time.Duration
		wantFuture   time.Duration
	}{
		{0, 0, 5 * time.Minute, 5 * time.Minute},
		{time.Second, 0, time.Second, 5 * time.Minute},
		{0, time.Second, 5 * time.Minute, time.Second},
		{24 * time.Hour, 2 * time.Hour, 24 * time.Hour, 2 * time.Hour},
	} {
		s := timed(verifier.Unix)
		v, err := verifier.New(s, []string{testSecret(s)}, verifier.Options{Past: test.past, Future: test.future})
		if err != nil {
			t.Fatal(err)
		}
		if past, future, ok := v.Tolerance(); past != test.wantPast || future != test.wantFuture || !ok {
			t.Errorf("tolerance %v and %v; want %v and %v", past, future, test.wantPast, test.wantFuture)
		}
		h := sign(t, newSigner(t, s, testSecret(s)), verifier.Message{Timestamp: noon, Body: []byte("{}")})
		for _, edge := range []struct {
			now  time.Time
			want error
			skew time.Duration
		}{
			{noon.Add(test.wantPast), nil, 0},
			{noon.Add(test.wantPast + 1), verifier.ErrStaleTimestamp, -test.wantPast - 1},
			{noon.Add(-test.wantFuture), nil, 0},
			{noon.Add(-test.wantFuture - 1), verifier.ErrFutureTimestamp, test.wantFuture + 1},
			{noon, nil, 0},
		} {
			verified, err := v.Verify(post(h), []byte("{}"), edge.now)
			if !errors.Is(err, edge.want) || edge.want == nil && err != nil {
				t.Errorf("%v after: %v; want %v", edge.now.Sub(noon), err, edge.want)
			}
			var refusal *verifier.Refusal
			if errors.As(err, &refusal) && refusal.Skew != edge.skew {
				t.Errorf("skew %v; want %v", refusal.Skew, edge.skew)
			}
			// The signature held, so the result is valid in either case.
			if event, err := verified.Event(); err != nil || event.Digest == [32]byte{} || !verified.Timestamp.Equal(noon) {
				t.Errorf("%v after: event %+v of %v, error %v", edge.now.Sub(noon), event, verified.Timestamp, err)
			}
		}
	}
}

// (pitfall 42)
func TestPitfall42FormsOfADate(t *testing.T) {
	good := map[string]time.Duration{ // after noon
		"2026-11-23T12:00:00Z":                0,
		"2026-11-23T12:00:00+00:00":           0,
		"2026-11-23T12:00:00-00:00":           0,
		"2026-11-23T05:00:00-07:00":           0,
		"2026-11-23T17:45:00+05:45":           0,
		"2026-11-24T11:59:00+23:59":           0,
		"2026-11-23T12:00:00.0Z":              0,
		"2026-11-23T12:00:00.293Z":            293 * time.Millisecond,
		"2026-11-23T12:00:00.000000001Z":      1,
		"2026-11-23T12:00:00.123456789+00:00": 123456789,
	}
	for text, want := range good {
		verified, err := stamped(t, verifier.RFC3339, text, noon)
		if err != nil || verified.Timestamp.Sub(noon) != want {
			t.Errorf("%q: %v after noon, error %v; want %v", text, verified.Timestamp.Sub(noon), err, want)
		}
	}
	for _, text := range []string{
		"2026-11-23t12:00:00Z", "2026-11-23T12:00:00z", "2026-11-23 12:00:00Z", "2026-11-23T12:00:00,293Z", "2026-11-23T12:00:00.Z",
		"2026-11-23T12:00:00.0000000000Z", "2026-11-23T12:00:00", "2026-11-23T12:00:00.293", "2026-11-23", "2026-11-23T12:00Z", "2026-11-23T12Z",
		"2026-11-23T24:00:00Z", "2026-11-23T12:60:00Z", "2026-11-23T12:00:60Z", "2026-13-23T12:00:00Z", "2026-11-31T12:00:00Z", "2026-02-29T12:00:00Z",
		"2026-00-23T12:00:00Z", "2026-11-00T12:00:00Z", "2026-W48-1T12:00:00Z", "2026-327T12:00:00Z", "20261123T120000Z", "+2026-11-23T12:00:00Z",
		"02026-11-23T12:00:00Z", "26-11-23T12:00:00Z", "2026-11-23T12:00:00+0000", "2026-11-23T12:00:00+00", "2026-11-23T12:00:00+24:00",
		"2026-11-23T12:00:00+00:60", "2026-11-23T12:00:00+0:00", "2026-11-23T12:00:00 Z", "2026-11-23T12:00:00Z+00:00", "2026-11-23T12:00:00UTC",
		"2026-11-23T12:00:00\u221200:00", "Mon, 23 Nov 2026 12:00:00 GMT", "1795435200", "2026-11-23T12:00:00ZZ", "２０２６-11-23T12:00:00Z", "2026-1-3T12:00:00Z",
	} {
		if _, err := stamped(t, verifier.RFC3339, text, noon); !errors.Is(err, verifier.ErrMalformedHeader) {
			t.Errorf("%q: %v", text, err)
		}
	}
	// The raw text is signed: the same instant in another form is another text.
	s := timed(verifier.RFC3339)
	v, signature := newVerifier(t, s, testSecret(s)), hmacText(t, s, testSecret(s), "2026-11-23T12:00:00Z.{}")
	for text := range good {
		_, err := v.Verify(post(http.Header{"X-Time": {text}, "X-Signature": {signature}}), []byte("{}"), noon)
		if want := text == "2026-11-23T12:00:00Z"; (err == nil) != want {
			t.Errorf("%q under the signature of Z: %v", text, err)
		}
	}
}

// TestPitfall43OrderOfChecksIsNoOracle: a bad signature is refused alike whatever
// the time. (pitfall 43)
func TestPitfall43OrderOfChecksIsNoOracle(t *testing.T) {
	for _, f := range fixtures(t) {
		var texts []string
		for _, now := range []time.Time{noon, noon.Add(1e6 * time.Hour), noon.Add(-1e6 * time.Hour)} {
			_, err := f.Verify(post(f.header), append([]byte("x"), f.message.Body...), now)
			if reason(t, err) != verifier.ErrInvalidSignature {
				t.Errorf("%s: %v", f.name, err)
			}
			texts = append(texts, err.Error())
		}
		if texts[0] != texts[1] || texts[0] != texts[2] {
			t.Errorf("%s: a forgery is answered %q", f.name, texts)
		}
	}
}

// TestPitfall44TimeOfTheEvent: where the time is the event's, as Travelbase's, a
// retry hours later is fresh, up to the row's own limit; where it is the attempt's,
// it is stale. (pitfall 44)
func TestPitfall44TimeOfTheEvent(t *testing.T) {
	for _, f := range fixtures(t) {
		stamp := f.scheme.Timestamp
		if f.scheme.Name == "travelbase" && (!stamp.OfEvent || time.Duration(stamp.Past) != 30*24*time.Hour) {
			t.Errorf("%s: %+v; its time is the event's, and 30 days are accepted", f.name, stamp)
		}
		if stamp != nil && stamp.OfEvent != (time.Duration(stamp.Past) >= time.Hour) {
			t.Errorf("%s: time of the event %t, and %v old it is fresh", f.name, stamp.OfEvent, time.Duration(stamp.Past))
		}
		for _, after := range []time.Duration{6 * time.Hour, 30 * 24 * time.Hour, 30*24*time.Hour + 1} {
			_, err := f.Verify(post(f.header), f.message.Body, noon.Add(after))
			want := verifier.ErrStaleTimestamp
			if stamp == nil || stamp.OfEvent && after <= time.Duration(stamp.Past) {
				want = nil
			}
			if !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%s, %v later: %v; want %v", f.name, after, err, want)
			}
		}
	}
}

// TestPitfall45NoToleranceIsNotOff: 0 is the usual tolerance, never none; what is
// negative, or concerns no signed time, is an error. (pitfall 45)
func TestPitfall45NoToleranceIsNotOff(t *testing.T) {
	github := preset(t, "github")
	for name, test := range map[string]struct {
		scheme verifier.Scheme
		o      verifier.Options
		want   string
	}{
		"negative past":   {timed(verifier.Unix), verifier.Options{Past: -1}, "scheme timed: a tolerance cannot be negative"},
		"negative future": {timed(verifier.Unix), verifier.Options{Future: -1}, "scheme timed: a tolerance cannot be negative"},
		"no time, past":   {github, verifier.Options{Past: 1}, "scheme github signs no timestamp, so there is nothing to tolerate: remove the tolerance"},
		"no time, future": {github, verifier.Options{Future: 1}, "scheme github signs no timestamp, so there is nothing to tolerate: remove the tolerance"},
	} {
		if _, err := verifier.New(test.scheme, []string{testSecret(test.scheme)}, test.o); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v; want %s", name, err, test.want)
		}
	}
	s := timed(verifier.Unix)
	s.Timestamp.Past, s.Timestamp.Future = 0, 0
	if past, future, ok := newVerifier(t, s, testSecret(s)).Tolerance(); past != 5*time.Minute || future != 5*time.Minute || !ok {
		t.Errorf("tolerance %v and %v; want 5m both", past, future)
	}
	if _, _, ok := newVerifier(t, github, testSecret(github)).Tolerance(); ok {
		t.Error("a scheme without a time has a tolerance")
	}
}

// TestPitfall46ClockIsHandedIn: the same webhook is judged by the clock of each
// call alone, forwards and back. (pitfall 46) (T-04)
func TestPitfall46ClockIsHandedIn(t *testing.T) {
	f := fixtures(t)[0]
	for _, step := range []struct {
		after time.Duration
		want  error
	}{{0, nil}, {time.Hour, verifier.ErrStaleTimestamp}, {0, nil}, {-time.Hour, verifier.ErrFutureTimestamp}, {0, nil}} {
		if _, err := f.Verify(post(f.header), f.message.Body, noon.Add(step.after)); !errors.Is(err, step.want) || step.want == nil && err != nil {
			t.Errorf("%v later: %v; want %v", step.after, err, step.want)
		}
	}
}

// TestParseUTC reads what [time.Parse] reads, and refuses what it refuses.
func TestParseUTC(t *testing.T) {
	accepted := 0
	for _, date := range []string{
		"2026-02-20", "2024-02-29", "2025-02-29", "2026-02-30", "2026-04-31", "2026-12-31", "2026-13-01", "2026-00-01", "2026-01-00", "0000-01-01", "9999-12-31", "1900-02-29", "2000-02-29",
	} {
		for _, clock := range []string{"00:00:00", "23:59:59", "24:00:00", "12:60:00", "12:00:60"} {
			for _, fraction := range []string{"", ".1", ".293", ".000001", ".123456789"} {
				text := date + "T" + clock + fraction + "Z"
				want, err := time.Parse(time.RFC3339Nano, text)
				verified, refused := stamped(t, verifier.RFC3339, text, want)
				if (refused == nil) != (err == nil) || err == nil && !verified.Timestamp.Equal(want) {
					t.Errorf("%s: %v, %v; time.Parse says %v, %v", text, verified.Timestamp, refused, want, err)
				}
				if refused == nil {
					accepted++
				}
			}
		}
	}
	if accepted != 6*2*5 {
		t.Errorf("%d were accepted", accepted)
	}
}
