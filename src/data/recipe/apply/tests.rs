//! What each step does, told by small tables. Reference values: means, medians and joins by hand or as pandas 2.2 gives
//! them (`Series.median`, `DataFrame.merge(how="left")`), which the comments say.

use super::*;
use crate::data::recipe::History;
use crate::data::{LoadOptions, Meaning, Physical, column, load};

fn table(csv: &str) -> Dataset {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    std::fs::write(&path, csv).unwrap();
    load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap()
}

fn recipe(toml: &str) -> Recipe {
    Recipe::parse(toml).unwrap()
}

fn cleaned(data: &Dataset, toml: &str) -> Applied {
    apply(data, &recipe(toml), Purpose::Clean, &Control::default()).unwrap()
}

fn refused(data: &Dataset, toml: &str, words: &[&str]) {
    let error = apply(data, &recipe(toml), Purpose::Clean, &Control::default()).map(|_| ()).unwrap_err();
    for word in words {
        assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
    }
    assert!(error.hint.is_some(), "no hint: {error}");
}

fn texts(data: &Dataset, name: &str) -> Vec<Option<String>> {
    column::texts(data.frame.column(name).unwrap()).unwrap()
}

fn some(words: &[&str]) -> Vec<Option<String>> {
    words.iter().map(|w| (!w.is_empty()).then(|| (*w).to_owned())).collect()
}

fn consistent(data: &Dataset) {
    let names: Vec<&str> = data.columns.iter().map(|c| c.name.as_str()).collect();
    let frame: Vec<String> = data.frame.get_column_names().iter().map(ToString::to_string).collect();
    assert_eq!(names, frame);
}

const PEOPLE: &str = "id,name,age,city,joined,active\n\
                      1, Ana ,30,zurich,2020-01-01,true\n\
                      2,Bob,,Zürich,2020-02-01,false\n\
                      3,Cy,50,ZH,,true\n\
                      4,Di,41,Bern,2020-04-01,\n\
                      4,Di,41,Bern,2020-04-01,\n";

#[test]
fn columns_are_left_out_and_renamed() {
    let data = table(PEOPLE);
    let done = cleaned(
        &data,
        "[[step]]\ndo='drop'\ncolumns=['id']\n[[step]]\ndo='rename'\ncolumns={age='years'}\n[[step]]\ndo='keep'\ncolumns=['years','name']\n",
    );
    consistent(&done.data);
    assert_eq!(done.data.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["name", "years"]);
    assert_eq!(done.reports[0].columns_removed, ["id"]);
    assert_eq!(done.reports[2].columns_removed, ["city", "joined", "active"]);
    assert_eq!(data.columns.len(), 6, "the table that went in is as it was");
    refused(&data, "[[step]]\ndo='drop'\ncolumns=['nope']\n", &["step 1 (drop)", "nope", "age"]);
    refused(&data, "[[step]]\ndo='rename'\ncolumns={age='name'}\n", &["step 1 (rename)", "`name`"]);
    let all = "[[step]]\ndo='drop'\ncolumns=['id','name','age','city','joined','active']\n";
    refused(&data, all, &["no column would be left"]);
}

#[test]
fn missing_values_are_filled_and_the_value_is_recorded() {
    let data = table(PEOPLE);
    // pandas: Series([30, nan, 50, 41, 41]).median() == 41.0, .mean() == 40.5
    let done = cleaned(&data, "[[step]]\ndo='fill'\ncolumns=['age']\nwith='median'\n");
    assert_eq!(texts(&done.data, "age"), some(&["30", "41", "50", "41", "41"]));
    assert_eq!(done.data.spec("age").unwrap().physical, Physical::Integer);
    assert_eq!((done.reports[0].cells_changed, &done.reports[0].columns[0].fitted), (1, &Some(Scalar::Number(41.0))));
    assert!(done.reports[0].message.contains("all rows"), "{}", done.reports[0].message);
    let mean = cleaned(&data, "[[step]]\ndo='fill'\ncolumns=['age']\nwith='mean'\n");
    assert_eq!(texts(&mean.data, "age")[1].as_deref(), Some("40.5"));
    assert_eq!(mean.data.spec("age").unwrap().physical, Physical::Float);
    let forward = cleaned(&data, "[[step]]\ndo='fill'\ncolumns=['joined','active']\nwith='forward'\n");
    assert_eq!(texts(&forward.data, "joined")[2].as_deref(), Some("2020-02-01"));
    assert_eq!(forward.reports[0].cells_changed, 3);
    let often = cleaned(&data, "[[step]]\ndo='fill'\ncolumns=['joined','active']\nwith='most_frequent'\n");
    assert_eq!(texts(&often.data, "joined")[2].as_deref(), Some("2020-04-01"));
    assert_eq!(texts(&often.data, "active")[3].as_deref(), Some("true"));
    let said = cleaned(&data, "[[step]]\ndo='fill'\ncolumns=['joined']\nwith='constant'\nvalue=2019-12-31\n");
    assert_eq!(texts(&said.data, "joined")[2].as_deref(), Some("2019-12-31"));
    refused(&data, "[[step]]\ndo='fill'\ncolumns=['city']\nwith='mean'\n", &["step 1 (fill)", "city", "most_frequent"]);
    refused(&data, "[[step]]\ndo='fill'\ncolumns=['age']\nwith='constant'\nvalue='x'\n", &["age", "text"]);
    // New rows get the value of the old ones, not their own.
    let new = table("age\n1\n\n3\n2\nNA\n");
    let scored = apply(&new, &done.fitted, Purpose::Score, &Control::default()).unwrap();
    assert_eq!(texts(&scored.data, "age").last().unwrap().as_deref(), Some("41"));
}

#[test]
fn values_are_clipped_and_exactly_counted() {
    let data = table("n,x,d\n1,0.5,2020-01-01\n5,2.5,2020-06-01\n9,,2021-01-01\n");
    let done = cleaned(
        &data,
        "[[step]]\ndo='clip'\ncolumns=['n']\nmin=1.5\nmax=8.5\n[[step]]\ndo='clip'\ncolumns=['x']\nmax=1\n[[step]]\ndo='clip'\ncolumns=['d']\nmin='2020-03-01'\n",
    );
    assert_eq!(texts(&done.data, "n"), some(&["2", "5", "8"]));
    assert_eq!(texts(&done.data, "x"), some(&["0.5", "1", ""]));
    assert_eq!(texts(&done.data, "d"), some(&["2020-03-01", "2020-06-01", "2021-01-01"]));
    assert_eq!(done.reports.iter().map(|r| r.cells_changed).collect::<Vec<_>>(), [2, 1, 1]);
    refused(&data, "[[step]]\ndo='clip'\ncolumns=['n']\nmin=3\nmax=1\n", &["min is greater"]);
    refused(&table(PEOPLE), "[[step]]\ndo='clip'\ncolumns=['city']\nmax=1\n", &["city", "cast"]);
}

#[test]
fn spellings_blanks_and_stand_ins_are_mended() {
    let data = table(PEOPLE);
    let done = cleaned(
        &data,
        "[[step]]\ndo='trim'\n[[step]]\ndo='map'\ncolumn='city'\nvalues={zurich='Zürich',ZH='Zürich',Basle='Basel'}\n\
         [[step]]\ndo='missing'\ncolumns=['age','name']\nvalues=[41,'Cy']\n",
    );
    assert_eq!(texts(&done.data, "name"), some(&["Ana", "Bob", "", "Di", "Di"]));
    assert_eq!(texts(&done.data, "city"), some(&["Zürich", "Zürich", "Zürich", "Bern", "Bern"]));
    assert_eq!(texts(&done.data, "age"), some(&["30", "", "50", "", ""]));
    assert_eq!(done.reports.iter().map(|r| r.cells_changed).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(done.reports[1].message.contains("1 of the old spellings"), "{}", done.reports[1].message);
    refused(&data, "[[step]]\ndo='map'\ncolumn='age'\nvalues={a='b'}\n", &["age", "Cast it to text"]);
}

#[test]
fn values_are_read_as_something_else() {
    let data =
        table("p,q,b,c,day\n\"$1,200.50\",1,yes,007,31.12.2019\n$3,2,no,010,01.01.2020\nfree,3,yes,1,29.02.2020\n");
    let strip = "[[step]]\ndo='cast'\ncolumns=['p']\nto='number'\nstrip=true\n";
    refused(&data, strip, &["step 1 (cast)", "row 3", "free", "failures"]);
    let done = cleaned(
        &data,
        &format!(
            "{strip}failures='missing'\n[[step]]\ndo='cast'\ncolumns=['b']\nto='boolean'\n\
                  [[step]]\ndo='cast'\ncolumns=['q']\nto='category'\n[[step]]\ndo='cast'\ncolumns=['q']\nto='text'\n"
        ),
    );
    assert_eq!(texts(&done.data, "p"), some(&["1200.5", "3", ""]));
    assert_eq!((done.reports[0].cells_changed, done.reports[0].columns[0].lost), (3, 1));
    assert_eq!(texts(&done.data, "b"), some(&["true", "false", "true"]));
    assert_eq!(done.data.spec("q").unwrap().physical, Physical::String);
    assert_eq!(done.reports[2].cells_changed, 0);
    let day = done.data.spec("day").unwrap();
    assert_eq!((day.physical, day.meaning), (Physical::Date, Meaning::DateTime), "the loader knows this form");
    let odd = table("day\n2019|12|31\n2020|01|01\n");
    let read = cleaned(&odd, "[[step]]\ndo='parse_dates'\ncolumns=['day']\nformat='%Y|%m|%d'\n");
    assert_eq!(texts(&read.data, "day"), some(&["2019-12-31", "2020-01-01"]));
    refused(&odd, "[[step]]\ndo='parse_dates'\ncolumns=['day']\nformat='%Y-%m-%d'\n", &["row 1", "2019|12|31"]);
    refused(&odd, "[[step]]\ndo='parse_dates'\ncolumns=['day']\nformat='%Q'\n", &["strftime"]);
}

#[test]
fn rows_are_left_out_and_counted() {
    let data = table(PEOPLE);
    let done = cleaned(&data, "[[step]]\ndo='deduplicate'\n[[step]]\ndo='filter'\ncondition='age >= 41'\n");
    assert_eq!((done.reports[0].rows_before, done.reports[0].rows_after, done.reports[1].rows_after), (5, 4, 2));
    assert!(done.reports[1].message.contains("1 row of them because"), "{}", done.reports[1].message);
    let last = cleaned(&table("k,v\na,1\nb,2\na,3\n"), "[[step]]\ndo='deduplicate'\ncolumns=['k']\nkeep='last'\n");
    assert_eq!(texts(&last.data, "v"), some(&["2", "3"]));
    refused(&data, "[[step]]\ndo='filter'\ncondition='age > 1000'\n", &["step 1 (filter)", "no row"]);
    refused(
        &data,
        "[[step]]\ndo='derive'\ncolumn='m'\nexpression='AVG(age)'\n",
        &["step 1 (derive)", "more than one row"],
    );
    let derived = cleaned(&data, "[[step]]\ndo='derive'\ncolumn='twice'\nexpression='age * 2'\n");
    assert_eq!((derived.reports[0].columns_added[0].as_str(), derived.reports[0].cells_changed), ("twice", 0));
}

#[test]
fn a_join_brings_columns_and_refuses_to_multiply_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let zones = path("zones.csv", "id,borough,fee\n1,North,0.5\n2,South,\n9,West,2\n");
    let data = table("trip,zone\n10,2\n11,1\n12,\n13,7\n14,1\n");
    let join = format!("[[step]]\ndo='join'\nsource='{zones}'\non=['zone']\nwith=['id']\n");
    let done = cleaned(&data, &join);
    consistent(&done.data);
    // pandas: data.merge(zones, how="left", left_on="zone", right_on="id")
    assert_eq!(texts(&done.data, "borough"), some(&["South", "North", "", "", "North"]));
    assert_eq!(texts(&done.data, "fee"), some(&["", "0.5", "", "", "0.5"]));
    assert_eq!(done.reports[0].columns_added, ["borough", "fee"]);
    assert!(done.reports[0].message.contains("3 rows matched, 2 rows did not"), "{}", done.reports[0].message);

    let twice = path("twice.csv", "id,borough\n1,North\n1,Centre\n2,South\n");
    let join = format!("[[step]]\ndo='join'\nsource='{twice}'\non=['zone']\nwith=['id']\n");
    refused(&data, &join, &["step 1 (join)", "2 rows would become several", "zone 1 comes 2 times", "allow_multiply"]);
    let grown = cleaned(&data, &format!("{join}allow_multiply=true\n"));
    assert_eq!(texts(&grown.data, "trip"), some(&["10", "11", "11", "12", "13", "14", "14"]));
    assert_eq!(texts(&grown.data, "borough"), some(&["South", "North", "Centre", "", "", "North", "Centre"]));
    assert!(grown.reports[0].message.contains("added 2 rows"), "{}", grown.reports[0].message);

    let clash = path("clash.csv", "zone,trip\n1,x\n");
    let join = format!("[[step]]\ndo='join'\nsource='{clash}'\non=['zone']\n");
    refused(&data, &join, &["`trip` in both", "prefix"]);
    assert_eq!(cleaned(&data, &format!("{join}prefix='z_'\n")).reports[0].columns_added, ["z_trip"]);
    // The result depends on the other table's content.
    let before = cleaned(&data, &format!("{join}prefix='z_'\n")).data.fingerprint;
    path("clash.csv", "zone,trip\n1,y\n");
    assert_ne!(cleaned(&data, &format!("{join}prefix='z_'\n")).data.fingerprint, before);
    refused(&data, "[[step]]\ndo='join'\nsource='gone.csv'\non=['zone']\n", &["step 1 (join)", "gone.csv"]);
}

#[test]
fn new_rows_stay_where_they_are() {
    let data = table(PEOPLE);
    let done = cleaned(
        &data,
        "[[step]]\ndo='deduplicate'\n[[step]]\ndo='filter'\ncondition='age > 0'\n[[step]]\ndo='trim'\n\
         [[step]]\ndo='rename'\ncolumns={age='years',active='on'}\n[[step]]\ndo='fill'\ncolumns=['years']\nwith='mean'\n",
    );
    let new = table("name,age\n Eve ,\n Eve ,\nFay,7\n");
    let scored = apply(&new, &done.fitted, Purpose::Score, &Control::default()).unwrap();
    assert_eq!(scored.data.rows(), 3);
    assert_eq!(texts(&scored.data, "name"), some(&["Eve", "Eve", "Fay"]));
    // (30 + 50 + 41) / 3 of the rows that were left.
    let mean: f64 = texts(&scored.data, "years")[0].as_ref().unwrap().parse().unwrap();
    assert!((mean - 121.0 / 3.0).abs() < 1e-9, "{mean}");
    assert!(scored.reports.iter().all(|r| r.action != "filter" && r.action != "deduplicate"));
}

#[test]
fn steps_are_taken_back_and_tables_shared() {
    let mut history = History::new(table(PEOPLE));
    let control = Control::default();
    let steps = recipe("[[step]]\ndo='trim'\n[[step]]\ndo='fill'\ncolumns=['age']\nwith='median'\n").steps;
    for step in &steps {
        history.push(step.clone(), &control).unwrap();
    }
    assert_eq!(history.current().frame.column("age").unwrap().null_count(), 0);
    let wrong = recipe("[[step]]\ndo='drop'\ncolumns=['nope']\n").steps.remove(0);
    let error = history.push(wrong, &control).unwrap_err();
    assert!(error.message.starts_with("step 3 (drop)"), "{error}");
    assert_eq!(history.recipe().steps, steps);
    assert_eq!(history.reports().map(|r| r.step).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(history.undo().unwrap(), steps[1]);
    let undone = history.current();
    assert_eq!(undone.frame.column("age").unwrap().null_count(), 1);
    // Undo is the recipe without its last step.
    let again = apply(&table(PEOPLE), &Recipe { steps: steps[..1].to_vec() }, Purpose::Clean, &control).unwrap();
    assert!(undone.frame.equals_missing(&again.data.frame) && undone.fingerprint == again.data.fingerprint);
}

#[test]
fn the_fingerprint_is_that_of_table_and_recipe() {
    let data = table(PEOPLE);
    let one = cleaned(&data, "[[step]]\ndo='trim'\n").data.fingerprint;
    assert_eq!(one, cleaned(&data, "[[step]]\ndo='trim'\nwhy='said otherwise'\n").data.fingerprint);
    assert_ne!(one, cleaned(&data, "[[step]]\ndo='trim'\ncolumns=['city']\n").data.fingerprint);
    assert_ne!(one, data.fingerprint);
    assert_eq!(cleaned(&data, "").data.fingerprint, data.fingerprint);
}

#[test]
fn a_cancelled_recipe_stops() {
    let control = Control::default();
    control.cancel();
    let error =
        apply(&table(PEOPLE), &recipe("[[step]]\ndo='trim'\n"), Purpose::Clean, &control).map(|_| ()).unwrap_err();
    assert_eq!(error.kind, Kind::Cancelled);
}

#[test]
fn what_cannot_be_becomes_missing() {
    let data = table(
        "n,x,d,t\n1,0.5,2020-01-01,2020-01-01 10:00\n5,2.5,2020-06-01,2020-06-01 23:59:59\n9,,2021-01-01,2020-06-02 00:00\n",
    );
    let done = cleaned(
        &data,
        "[[step]]\ndo='missing'\ncolumns=['n']\nbelow=2\nvalues=[9]\n[[step]]\ndo='missing'\ncolumns=['d','t']\nbelow=2020-02-01\nabove='2020-06-01'\n",
    );
    assert_eq!(texts(&done.data, "n"), some(&["", "5", ""]));
    assert_eq!(texts(&done.data, "d"), some(&["", "2020-06-01", ""]));
    let left: Vec<bool> = texts(&done.data, "t").iter().map(Option::is_some).collect();
    assert_eq!(left, [false, true, false], "a whole day is all of it");
    assert_eq!(done.reports.iter().map(|r| r.cells_changed).collect::<Vec<_>>(), [2, 4]);
    assert!(done.reports[1].message.contains("above 2020-06-01"), "{}", done.reports[1].message);
    refused(&table(PEOPLE), "[[step]]\ndo='missing'\ncolumns=['city']\nabove=1\n", &["city", "cast"]);
    refused(&data, "[[step]]\ndo='missing'\ncolumns=['d']\nabove=1\n", &["`1`", "dates"]);
}

/// The reference is `printf %s Ana | openssl dgst -sha256 -hmac "MIT OR Apache-2.0"`; the secret is a variable that cargo sets
/// for every test.
#[test]
fn pseudonyms_are_salted_and_equal_for_equal_values() {
    let data = table("who,n\nAna,1\nBob,2\n,3\nAna,4\n");
    let done = cleaned(&data, "[[step]]\ndo='hash'\ncolumns=['who','n']\nsalt_from='CARGO_PKG_LICENSE'\n");
    let who = texts(&done.data, "who");
    assert_eq!(who[0].as_deref(), Some("f4e5bdacefcb7ecb4c2a3decaa3cadfbc028a5a87c15a718da9cc5f904f5fc73"));
    assert_eq!((who[2].as_ref(), &who[0]), (None, &who[3]));
    assert_eq!((done.reports[0].cells_changed, done.data.spec("n").unwrap().physical), (7, Physical::String));
    refused(&data, "[[step]]\ndo='hash'\ncolumns=['who']\nsalt_from='NO_SUCH_VARIABLE'\n", &["NO_SUCH_VARIABLE"]);
}
