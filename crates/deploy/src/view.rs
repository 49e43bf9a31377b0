//! The public view of a model: replaced in place where its columns allow, else dropped and created with its rights.

use headwater_catalog::{QualifiedName, quote_literal};
use headwater_compile::CompiledModel;
use tokio_postgres::GenericClient;

use crate::error::{During, Error};

/// True where `CREATE OR REPLACE VIEW` would do: no view yet, or the present columns are the first of the model's,
/// by name and type.
pub async fn columns_fit(client: &impl GenericClient, model: &CompiledModel) -> Result<bool, Error> {
    let present = client
        .query(include_str!("../sql/view_columns.sql"), &[&model.name.to_string()])
        .await
        .during(format!("reading the columns of {}", model.name.short()))?;
    let fits = |(row, column): (&tokio_postgres::Row, &headwater_catalog::Column)| {
        row.get::<_, &str>("name") == column.name.as_str() && row.get::<_, &str>("type") == column.ty.sql
    };
    Ok(present.len() <= model.columns.len() && present.iter().zip(&model.columns).all(fits))
}

/// What depends on the view, in the server's words, such as `view admin_report`; `except` are views that go with it.
pub async fn dependents(
    client: &impl GenericClient,
    view: &QualifiedName,
    except: &[String],
) -> Result<Vec<String>, Error> {
    let rows = client
        .query(include_str!("../sql/view_dependents.sql"), &[&view.to_string(), &except])
        .await
        .during(format!("asking what depends on {}", view.short()))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The statements that make the public view read the model's table.
pub async fn statements(client: &impl GenericClient, model: &CompiledModel) -> Result<Vec<String>, Error> {
    let name = &model.name;
    let comment =
        format!("COMMENT ON VIEW {name} IS {}", quote_literal(&format!("Headwater model, declared in {}", model.file)));
    if columns_fit(client, model).await? {
        return Ok(vec![format!("CREATE OR REPLACE VIEW {name} AS\n{}", model.finish), comment]);
    }
    let mut statements = vec![format!("DROP VIEW {name}"), format!("CREATE VIEW {name} AS\n{}", model.finish)];
    statements.extend(settings(client, model).await?);
    statements.push(comment);
    Ok(statements)
}

/// What brings back the owner, options, grants and column comments that DROP VIEW loses.
async fn settings(client: &impl GenericClient, model: &CompiledModel) -> Result<Vec<String>, Error> {
    let columns: Vec<_> = model.columns.iter().map(|column| column.name.as_str()).collect();
    let rows = client
        .query(include_str!("../sql/view_settings.sql"), &[&model.name.to_string(), &columns])
        .await
        .during(format!("reading the grants of {}", model.name.short()))?;
    Ok(rows.iter().map(|row| row.get("sql")).collect())
}
