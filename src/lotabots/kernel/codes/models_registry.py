"""Codes about the registry of models: registration, uploads, verification, approval, stages."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "MODEL_NOT_FOUND",
        "not_found",
        "No model is registered under this digest.",
        "List the models; the digest is the one that registering answered with.",
    ),
    Code(
        "MODEL_MANIFEST",
        "validation",
        "The list of a model's files cannot be one: a name is not canonical, or there twice.",
        "Name each file once, relative to the model, with / between its parts.",
    ),
    Code(
        "MODEL_VERSION",
        "validation",
        "A model's version has no order.",
        "Write it as numbers joined by dots, such as 1.4.0.",
    ),
    Code(
        "MODEL_VERSION_TAKEN",
        "conflict",
        "This version of the model is registered with another content.",
        "Give the new content a new version; a version never changes.",
    ),
    Code(
        "MODEL_REGISTERED",
        "conflict",
        "This content is registered already, under another name, version or signature.",
        "Use the registration that is there; one content is one model.",
    ),
    Code(
        "MODEL_TWICE",
        "validation",
        "A challenge names one model twice.",
        "Name each model that the node holds once.",
    ),
    Code(
        "MODEL_UPLOAD_SIZE",
        "validation",
        "An uploaded file is longer or shorter than it was registered with; nothing of it is kept.",
        "Upload the file whole, and the one that was registered.",
    ),
    Code(
        "MODEL_UPLOAD_DIGEST",
        "validation",
        "An uploaded file is not the one that was registered; nothing of it is kept.",
        "Compare the SHA-256 of the file with the registered one, then upload it again.",
    ),
    Code(
        "MODEL_STORE_UNAVAILABLE",
        "unavailable",
        "The folder of uploaded models, or a file in it, cannot be read or written.",
        "Look at `data.models`: is it there, ours, with room? Upload what was lost again.",
    ),
    Code(
        "MODEL_POLICY_NONE",
        "conflict",
        "No trust policy for models is in force, and nothing is trusted by default.",
        "Add a policy that says who may sign which models, and activate it.",
    ),
    Code(
        "MODEL_POLICY_NOT_FOUND",
        "not_found",
        "There is no trust policy for models of this id.",
        "List the policies; the id is the one that adding answered with.",
    ),
    Code(
        "MODEL_NOT_VERIFIED",
        "conflict",
        "The model was not verified yet, so there is nothing to make a result of.",
        "Ask for its verification and wait until it is done.",
    ),
    Code(
        "MODEL_NOT_ACCEPTED",
        "conflict",
        "The newest verification of the model does not accept it.",
        "Read its findings, mend what they name, and verify the model again.",
    ),
    Code(
        "MODEL_NOT_APPROVED",
        "conflict",
        "Too few others have approved this move of the model under its newest verdict.",
        "Ask somebody who did not register the model to look at the verdict and approve.",
    ),
    Code(
        "MODEL_VERDICT_OTHER",
        "conflict",
        "The model was judged again since the verdict that was looked at and approved.",
        "Look at the newest verdict, and approve that one.",
    ),
    Code(
        "MODEL_APPROVAL_OWN",
        "authorization",
        "Whoever registered a model cannot approve it.",
        "Ask somebody else who may approve models.",
    ),
    Code(
        "MODEL_APPROVAL_PERSON",
        "authorization",
        "A program or an API key tried to approve a model.",
        "Approve as a person, with a session of your own.",
    ),
    Code(
        "MODEL_NOT_NEWER",
        "conflict",
        "The stage has this version or a newer one; a promotion goes forward.",
        "Promote a newer version, or roll back to this one, which needs its own approvals.",
    ),
    Code(
        "MODEL_NEVER_THERE",
        "conflict",
        "A stage is to be rolled back to a version that it never had.",
        "Roll back to a version that the stage has had, or promote this one.",
    ),
    Code(
        "MODEL_THERE_ALREADY",
        "conflict",
        "The stage has this version already.",
        "There is nothing to do.",
    ),
    Code(
        "MODEL_NO_REPORT",
        "conflict",
        "There is no report on the model's controls, or no bill of its materials.",
        "Name packs under `controls` in the trust policy, upload the files, and verify again.",
    ),
    Code(
        "MODEL_STATEMENT",
        "validation",
        "A statement of the files of a model on a node is not one, or cannot be made.",
        "Let the agent read the model again; a model with unreadable files is not stated.",
    ),
    Code(
        "VERIFICATION_NOT_FOUND",
        "not_found",
        "There is no such verification of this model.",
        "Look at the model; it names its newest verification.",
    ),
    Code(
        "VERIFICATION_ABANDONED",
        "internal",
        "A verification was given up: each process that worked on it died.",
        "Look at the server's log and memory, then ask for the verification again.",
    ),
    Code(
        "VERIFICATION_LOST",
        "conflict",
        "Another process has taken a verification over, so this one stopped.",
        "Nothing has to be done: the other one ends it.",
    ),
)
