package portal

import (
	"net/http"

	"github.com/hookgate/hookgate/api"
)

const (
	app      = prefix + "/app/{app}"
	endpoint = app + "/endpoints/{endpoint}"
	message  = app + "/messages/{msg}"
)

// routes are all that the portal does for people.
var routes = []route{
	{http.MethodGet, loginPath, public, "", login},
	{http.MethodPost, loginPath, public, "", signIn},
	{http.MethodPost, prefix + "/logout", signedIn, "", signOut},
	{http.MethodGet, prefix, signedIn, "", home},
	{http.MethodGet, prefix + "/{$}", signedIn, "", home},

	{http.MethodGet, prefix + "/apps", organisation, "", listApps},

	{http.MethodGet, app + "/endpoints", owners, api.ViewBase, listEndpoints},
	{http.MethodPost, app + "/endpoints", owners, api.ManageEndpoint, createEndpoint},
	{http.MethodGet, app + "/endpoints/new", owners, api.ManageEndpoint, newEndpoint},
	{http.MethodGet, endpoint, owners, api.ViewBase, showEndpoint},
	{http.MethodGet, endpoint + "/edit", owners, api.ManageEndpoint, editEndpoint},
	{http.MethodPost, endpoint + "/edit", owners, api.ManageEndpoint, saveEndpoint},
	{http.MethodPost, endpoint + "/enable", owners, api.ManageEndpoint, enableEndpoint},
	{http.MethodPost, endpoint + "/disable", owners, api.ManageEndpoint, disableEndpoint},
	{http.MethodGet, endpoint + "/delete", owners, api.ManageEndpoint, askDelete},
	{http.MethodPost, endpoint + "/delete", owners, api.ManageEndpoint, deleteEndpoint},
	{http.MethodGet, endpoint + "/secret", owners, api.ViewBase, showSecret},
	{http.MethodPost, endpoint + "/secret", owners, api.ViewEndpointSecret, revealSecret},
	{http.MethodPost, endpoint + "/secret/rotate", owners, api.ManageEndpointSecret, rotateSecret},
	{http.MethodGet, endpoint + "/headers", owners, api.ViewBase, listHeaders},
	{http.MethodPost, endpoint + "/headers", owners, api.ManageEndpoint, setHeader},
	{http.MethodPost, endpoint + "/headers/remove", owners, api.ManageEndpoint, unsetHeader},
	{http.MethodGet, endpoint + "/test", owners, api.ViewBase, tryEndpoint},
	{http.MethodPost, endpoint + "/test", owners, api.CreateAttempts, sendTest},
	{http.MethodGet, endpoint + "/recover", owners, api.CreateAttempts, askRecover},
	{http.MethodPost, endpoint + "/recover", owners, api.CreateAttempts, recoverFailed},
	{http.MethodGet, endpoint + "/replay-missing", owners, api.CreateAttempts, askMissing},
	{http.MethodPost, endpoint + "/replay-missing", owners, api.CreateAttempts, replayMissing},
	{http.MethodGet, endpoint + "/tasks/{task}", owners, api.ViewBase, showTask},

	{http.MethodGet, app + "/messages", owners, api.ViewBase, listMessages},
	{http.MethodGet, message, owners, api.ViewBase, showMessage},
	{http.MethodGet, message + "/payload", owners, api.ViewBase, downloadPayload},
	{http.MethodGet, message + "/attempts/{attempt}", owners, api.ViewBase, showAttempt},
	{http.MethodPost, message + "/resend", owners, api.CreateAttempts, resend},

	{http.MethodGet, app + "/events", owners, api.ViewBase, listEvents},
	{http.MethodGet, app + "/events/{type}", owners, api.ViewBase, showEvent},
	{http.MethodGet, app + "/activity", owners, api.ViewBase, showActivity},

	{http.MethodGet, gatewayPath, operators, "", showGateway},
	{http.MethodGet, gatewayPath + "/sources/{source}", operators, "", showSource},
	{http.MethodGet, gatewayPath + "/sources/send/{name}/{n}", operators, "", showSource},
	{http.MethodPost, gatewayPath + "/pause", operators, "", pauseSource},
	{http.MethodPost, gatewayPath + "/resume", operators, "", resumeSource},
	{http.MethodGet, gatewayPath + "/recover", operators, "", askSourceRecovery},
	{http.MethodPost, gatewayPath + "/recover", operators, "", recoverSource},
	{http.MethodGet, gatewayPath + "/events/{seq}", operators, "", showSourceEvent},
	{http.MethodGet, gatewayPath + "/events/{seq}/payload", operators, "", sendEventBody},
	{http.MethodPost, gatewayPath + "/events/{seq}/retry", operators, "", retryEvent},
	{http.MethodGet, gatewayPath + "/events/{seq}/erase", operators, "", askErase},
	{http.MethodPost, gatewayPath + "/events/{seq}/erase", operators, "", eraseEvent},
	{http.MethodGet, gatewayPath + "/events/{seq}/forget", operators, "", askForget},
	{http.MethodPost, gatewayPath + "/events/{seq}/forget", operators, "", forgetEvent},
	{http.MethodGet, gatewayPath + "/jobs/{id}", operators, "", showJob},
	{http.MethodPost, gatewayPath + "/jobs/{id}/cancel", operators, "", cancelJob},

	{http.MethodGet, app + "/play", owners, api.ViewBase, listInboxes},
	{http.MethodPost, app + "/play", owners, api.ManageEndpoint, takeInbox},
	{http.MethodGet, app + "/play/{token}", owners, api.ViewBase, showInbox},
	{http.MethodGet, app + "/play/{token}/{n}", owners, api.ViewBase, showBody},
	{http.MethodPost, app + "/play/{token}/answer", owners, api.ManageEndpoint, answerInbox},
	{http.MethodPost, app + "/play/{token}/delete", owners, api.ManageEndpoint, deleteInbox},
}
