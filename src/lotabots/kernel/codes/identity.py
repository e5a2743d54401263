"""Codes about users and log-in."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "LOGIN_FAILED",
        "authentication",
        "The user name or the password is wrong; which of them is not said.",
        "Try again. An administrator can make a new user if the password is lost.",
    ),
    Code(
        "LOGIN_BUSY",
        "rate_limited",
        "More log-ins are waiting than can be checked soon.",
        "Wait as long as the Retry-After header says, and try again.",
    ),
    Code(
        "PASSWORD_TOO_LONG",
        "validation",
        "The password has more than 1,024 bytes.",
        "Choose a shorter one.",
    ),
    Code(
        "USER_EXISTS",
        "conflict",
        "The user name or the e-mail address belongs to a user already.",
        "Choose another; `field` in the details says which.",
    ),
    Code(
        "USER_UNKNOWN",
        "not_found",
        "There is no user with this id in the caller's tenant.",
        "List the users with GET /v1/users.",
    ),
    Code(
        "USER_NODE",
        "validation",
        "An agent was to be made without its node, or another role with one.",
        "Give node_id for the role agent, and for no other.",
    ),
    Code(
        "CONFIG_NOT_YOURS",
        "authorization",
        "Settings are the installation's, and the caller's tenant is not that of its operator.",
        "Ask whoever runs this installation.",
    ),
    Code(
        "SETTING_UNKNOWN",
        "not_found",
        "There is no setting of this name.",
        "Compare with `lotabots config show`.",
    ),
    Code(
        "SETTING_FIXED",
        "conflict",
        "This setting is read when a process starts, and cannot be changed while it runs.",
        "Change it in the file or the environment, and start the processes again.",
    ),
)
