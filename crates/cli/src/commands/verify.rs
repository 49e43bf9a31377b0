//! `headwater verify`.

use headwater_deploy::verify::{Options, Verified, verify};
use serde_json::json;

use super::table;
use crate::arguments::Verify;
use crate::session::Session;
use crate::{FINE, FOUND, Outcome};

pub async fn run(session: &Session, options: Verify) -> Outcome {
    let mut client = session.target().await?.connect().await?;
    let options = Options { models: options.models, repair: options.repair };
    let found = verify(&mut client, &options, &session.bars).await?;
    let good = found.iter().all(is_good);
    if session.json {
        outln!("{}", json!({ "exact": good, "models": found }));
    } else {
        print(&found);
    }
    Ok(if good { FINE } else { FOUND })
}

fn is_good(model: &Verified) -> bool {
    model.exact && model.broken.is_none()
}

fn print(found: &[Verified]) {
    let mut rows = table::new(&["model", ">rows", ">missing", ">extra", ">altered", ">repaired", "exact"]);
    for model in found {
        rows.add_row([
            model.name.clone(),
            table::grouped(model.comparison.rows),
            table::grouped(model.comparison.missing),
            table::grouped(model.comparison.extra),
            table::grouped(model.comparison.altered),
            model.repaired_keys.map(table::grouped).unwrap_or_default(),
            table::mark(model.exact).to_owned(),
        ]);
    }
    outln!("{rows}");
    for model in found {
        for row in &model.comparison.sample {
            outln!("{}  {}  {}", model.name, row.side, table::cut(&row.row));
        }
        if let Some(reason) = &model.broken {
            outln!("{} is marked broken: {reason}; headwater verify --repair {}", model.name, model.name);
        }
    }
}
