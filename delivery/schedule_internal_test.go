package delivery

import (
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

func TestDelay(t *testing.T) {
	standard := Destination{}.withDefaults()
	repeating := Destination{Retry: []time.Duration{time.Second, time.Minute}, Forever: true}.withDefaults()
	for name, test := range map[string]struct {
		d    *Destination
		step int
		want time.Duration // 0: dead
	}{
		"after the first":         {standard, 1, 5 * time.Second},
		"after the second":        {standard, 2, 5 * time.Minute},
		"after the last but one":  {standard, 7, 10 * time.Hour},
		"after the last":          {standard, 8, 0},
		"far beyond":              {standard, 1 << 30, 0},
		"forever, the first":      {repeating, 1, time.Second},
		"forever, the last":       {repeating, 2, time.Minute},
		"forever, after the last": {repeating, 3, time.Minute},
		"forever, far beyond":     {repeating, store.LastStep, time.Minute},
		"forever, by hand":        {repeating, store.LastStep + 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := test.d.delay(test.step)
			if got != test.want || ok != (test.want > 0) {
				t.Errorf("%v, %t; want %v", got, ok, test.want)
			}
		})
	}
}

func TestSpread(t *testing.T) {
	for random, want := range map[float64]time.Duration{0: 80 * time.Minute, 0.25: 90 * time.Minute, 0.5: 100 * time.Minute, 0.75: 110 * time.Minute} {
		if got := spread(100*time.Minute, random); got.Round(time.Microsecond) != want {
			t.Errorf("%v: %v; want %v", random, got, want)
		}
	}
	if got := spread(100*time.Minute, 0.999999999); got >= 120*time.Minute || got < 119*time.Minute {
		t.Errorf("just below 1: %v", got)
	}
}

func TestDefaults(t *testing.T) {
	zero := Destination{}.withDefaults()
	below := Destination{GiveUp: -1, Timeout: -1, Concurrency: -1, MaxHold: -1}.withDefaults()
	for name, d := range map[string]*Destination{"zero": zero, "below": below} {
		if len(d.Retry) != 7 || d.GiveUp != 14*24*time.Hour || d.Timeout != 15*time.Second || d.Concurrency != 16 || d.MaxHold != time.Hour {
			t.Errorf("%s: %+v", name, d)
		}
	}
	set := Destination{Retry: []time.Duration{1}, GiveUp: 2, Timeout: 3, Concurrency: 4, MaxHold: 5}
	if d := set.withDefaults(); d.Retry[0] != 1 || d.GiveUp != 2 || d.Timeout != 3 || d.Concurrency != 4 || d.MaxHold != 5 {
		t.Errorf("%+v", d)
	}
}
