package api

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// strict tells the Go SDKs that refuse an answer for a field they do not know: 1.39
// to 1.56.
var strict = regexp.MustCompile(`^svix-libs/1\.(39|4[0-9]|5[0-6])\.[0-9]+/go\b`)

// newer are the fields that they do not know, by the type of the answer.
var newer = map[reflect.Type][]string{
	reflect.TypeFor[applicationOut]():     {"throttleRate"},
	reflect.TypeFor[endpointOut]():        {"throttleRate", "eventTypes", "scheme"},
	reflect.TypeFor[messageOut]():         {"deliverAt"},
	reflect.TypeFor[attemptOut]():         {"statusText"},
	reflect.TypeFor[endpointMessageOut](): {"deliverAt", "statusText"},
	reflect.TypeFor[messageEndpointOut](): {"throttleRate", "eventTypes", "scheme", "statusText"},
	reflect.TypeFor[statsOut]():           {"canceled"},
	reflect.TypeFor[taskOut]():            {"updatedAt"},
	reflect.TypeFor[taskDataOut]():        {"updatedAt"},
	reflect.TypeFor[eventTypeOut]():       {"featureFlags"},
}

// older reports whether a User-Agent is such an SDK's.
func older(userAgent string) bool { return strict.MatchString(userAgent) }

// trimmed is an answer without the fields that older SDKs do not know.
func trimmed(body any) any { return trimmedValue(reflect.ValueOf(body)) }

func trimmedValue(v reflect.Value) any {
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && !v.IsNil():
		return trimmedValue(v.Elem())
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = trimmedValue(v.Index(i))
		}
		return list
	case t.Kind() != reflect.Struct || isTime(t):
		return v.Interface()
	}
	fields := make(map[string]any)
	for i := range t.NumField() {
		name := jsonName(t.Field(i))
		omitted := strings.Contains(t.Field(i).Tag.Get("json"), ",omitzero") && v.Field(i).IsZero()
		if name != "" && !omitted && !slices.Contains(newer[t], name) {
			fields[name] = trimmedValue(v.Field(i))
		}
	}
	return fields
}
