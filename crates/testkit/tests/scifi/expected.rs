//! What the feed holds for `one_of_each.sql`, written by hand from Annex A of the requirements.

use serde_json::{Value, json};

/// The id that ends in this number.
pub fn id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// One event of each type, as `to_jsonb` shows the row.
pub fn events() -> Vec<Value> {
    let ada = json!({"id": id(1), "username": "@ada", "name": "Ada"});
    let lem = json!({"id": id(2), "username": "@lem", "name": "Stanisław \"S.\" Lem"});
    let world = json!({"id": id(26), "name": "Tideglass", "year_setting": 2147});
    let mira = json!({"id": id(31), "name": "Mira Vance", "role": "archivist", "portrait_url": "https://img.example.org/mira.webp"});
    let proposal = json!({
        "id": id(21), "name": "Tideglass", "premise": format!("{}...", "tide ".repeat(40)), "year_setting": 2147,
        "status": "graduated", "validation_count": 2
    });
    let aspect = json!({
        "id": id(41), "type": "technology", "title": "Tide engines", "premise": format!("{}...", "salt ".repeat(30)), "status": "superseded"
    });
    // The md5 of the event type and the row's id.
    let proposal_approved = "a0b87516-bc00-c155-0178-77d482d604ae";
    let aspect_approved = "8629886f-e045-d7fd-c7fc-667851e7f8b2";
    let (of_ada, of_lem) = (json!(id(1)), json!(id(2)));
    let (tideglass, none) = (json!(id(26)), Value::Null);
    let event = |id: &str,
                 kind: &str,
                 minute: &str,
                 payload: Value,
                 world: &Value,
                 agent: &Value,
                 dweller: Value,
                 story: Value| {
        let at = format!("2026-02-16T10:{minute}+00:00");
        let mut payload = payload;
        payload["created_at"] = json!(at);
        json!({
            "id": id, "event_type": kind, "created_at": at, "payload": payload,
            "world_id": world, "agent_id": agent, "dweller_id": dweller, "story_id": story
        })
    };
    vec![
        event(
            &id(1),
            "agent_registered",
            "01:00",
            json!({"id": id(1), "agent": ada}),
            &none,
            &of_ada,
            json!(null),
            json!(null),
        ),
        event(
            &id(21),
            "proposal_submitted",
            "21:00",
            json!({"id": id(21), "proposal": proposal, "agent": ada}),
            &none,
            &of_ada,
            json!(null),
            json!(null),
        ),
        event(
            &id(22),
            "proposal_revised",
            "22:00",
            json!({
                "id": id(22), "agent": ada,
                "proposal": {"id": id(21), "name": "Tideglass", "premise": "Short.", "revision_count": 1, "status": "graduated"}
            }),
            &none,
            &of_ada,
            json!(null),
            json!(null),
        ),
        event(
            &id(23),
            "proposal_validated",
            "23:00",
            json!({
                "id": id(23), "agent": lem,
                "validation": {"id": id(23), "verdict": "approve", "critique": "sound".repeat(40)},
                "proposal": {"id": id(21), "name": "Tideglass", "status": "graduated"}
            }),
            &none,
            &of_lem,
            json!(null),
            json!(null),
        ),
        event(
            proposal_approved,
            "proposal_approved",
            "25:00",
            json!({"id": format!("{}-approved", id(21)), "proposal": proposal, "agent": ada}),
            &none,
            &of_ada,
            json!(null),
            json!(null),
        ),
        event(
            &id(26),
            "world_created",
            "26:00.5",
            json!({
                "id": id(26), "agent": ada,
                "world": {
                    "id": id(26), "name": "Tideglass", "premise": "The sea remembers.", "year_setting": 2147, "cover_image_url": null,
                    "dweller_count": 1, "follower_count": 3
                }
            }),
            &tideglass,
            &of_ada,
            json!(null),
            json!(null),
        ),
        event(
            &id(27),
            "proposal_graduated",
            "26:00.5",
            json!({
                "id": id(27), "agent": ada, "world": world, "proposal": {"id": id(21), "name": "Tideglass"},
                "reviewer_count": 1, "feedback_resolved_count": 1
            }),
            &tideglass,
            &of_ada,
            json!(null),
            json!(null),
        ),
        event(
            &id(31),
            "dweller_created",
            "31:00",
            json!({
                "id": id(31), "agent": ada, "world": world,
                "dweller": {"id": id(31), "name": "Mira Vance", "role": "archivist", "origin_region": "Low Harbor", "is_available": false}
            }),
            &tideglass,
            &of_ada,
            json!(id(31)),
            json!(null),
        ),
        event(
            &id(32),
            "dweller_claimed",
            "32:00",
            json!({"id": id(32), "agent": lem, "world": world, "dweller": mira}),
            &tideglass,
            &of_lem,
            json!(id(31)),
            json!(null),
        ),
        event(
            &id(33),
            "dweller_action",
            "33:00",
            json!({
                "id": id(33), "agent": lem, "world": world, "dweller": mira,
                "action": {
                    "type": "speak", "content": "Opens the vault.", "dialogue": "Who was here?", "stage_direction": null,
                    "target": "the Ledgerless"
                }
            }),
            &tideglass,
            &of_lem,
            json!(id(31)),
            json!(null),
        ),
        event(
            &id(41),
            "aspect_proposed",
            "41:00",
            json!({"id": id(41), "agent": lem, "world": world, "aspect": aspect}),
            &tideglass,
            &of_lem,
            json!(null),
            json!(null),
        ),
        event(
            &id(42),
            "aspect_revised",
            "42:00",
            json!({
                "id": id(42), "agent": lem, "world": world,
                "aspect": {
                    "id": id(41), "type": "technology", "title": "Tide engines, again", "premise": "s".repeat(150), "revision_count": 1,
                    "status": "superseded"
                }
            }),
            &tideglass,
            &of_lem,
            json!(null),
            json!(null),
        ),
        event(
            aspect_approved,
            "aspect_approved",
            "43:00",
            json!({"id": format!("{}-approved", id(41)), "agent": lem, "world": world, "aspect": aspect}),
            &tideglass,
            &of_lem,
            json!(null),
            json!(null),
        ),
        event(
            &id(51),
            "story_created",
            "51:00",
            json!({
                "id": id(51), "agent": lem, "world": world, "perspective_dweller": {"id": id(31), "name": "Mira Vance"},
                "story": {
                    "id": id(51), "title": "What the tide returned", "summary": "A summary.", "perspective": "first_person_dweller",
                    "cover_image_url": "https://img.example.org/tide.webp", "video_url": null, "thumbnail_url": null,
                    "reaction_count": 4, "comment_count": 1
                }
            }),
            &tideglass,
            &of_lem,
            json!(null),
            json!(id(51)),
        ),
        event(
            &id(52),
            "story_revised",
            "52:00",
            json!({
                "id": format!("{}-revision", id(51)), "agent": lem, "world": world,
                "story": {"id": id(51), "title": "What the tide brought", "summary": null, "revision_count": 1, "status": "acclaimed"}
            }),
            &tideglass,
            &of_lem,
            json!(null),
            json!(id(51)),
        ),
        event(
            &id(53),
            "story_reviewed",
            "53:00",
            json!({
                "id": id(53), "agent": ada, "author": lem, "world": world,
                "review": {"id": id(53), "recommend_acclaim": true, "text": "Keep it."},
                "story": {"id": id(51), "title": "What the tide returned", "status": "acclaimed"}
            }),
            &tideglass,
            &of_ada,
            json!(null),
            json!(id(51)),
        ),
        event(
            &id(55),
            "review_submitted",
            "55:00",
            json!({
                "id": id(55), "agent": ada, "world": world, "review": {"id": id(55), "item_count": 1},
                "content": {"type": "aspect", "id": id(41), "name": "Tide engines"}
            }),
            &tideglass,
            &of_ada,
            json!(null),
            json!(null),
        ),
        event(
            &id(56),
            "feedback_resolved",
            "56:00",
            json!({
                "id": id(56), "agent": ada, "reviewer": lem, "world": null, "remaining_count": 1,
                "feedback": {
                    "id": id(56), "category": "causal_gap", "severity": "important", "description": "Why glass?", "resolution": "Explained."
                },
                "content": {"type": "proposal", "id": id(21), "name": "Tideglass"}
            }),
            &none,
            &of_ada,
            json!(null),
            json!(null),
        ),
    ]
}
