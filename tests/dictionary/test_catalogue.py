"""The dictionary as shipped: complete, bilingual, and each fault named where it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from careloop.dictionary import Dictionary, Variable, load
from careloop.dictionary.codes import check_code
from careloop.dictionary.declaration import read_variables
from careloop.dictionary.variable import Code
from careloop.error import ConfigError

# What readers, instruments, rules and forms rely on, by file of the house.
AGREED = """
    name sex birth_date death_date age_y ethnic_group national_id phone address organisation
    residence care_home_resident
    height_cm weight_kg bmi_kg_m2 height_peak_cm height_loss_cm waist_cm sbp_mmhg dbp_mmhg
    falls_12m fall_12m falls_recurrent fear_of_falling arms_to_stand tug_s chair_stand_30s
    tandem_stand_s grip_strength_kg gait_speed_m_s
    smoking_status cigarettes_per_day smoking_current smoking_ever smoking_level
    alcohol_units_per_day alcohol_level activity_min_per_day dairy_intake calcium_supplement
    vitamin_d_supplement outdoors_min_per_day
    postmenopausal menopause_age_y amenorrhoea_over_12m ovariectomy_before_50 hrt_ever
    oestrogen_current hrt_oestrogen_only_current hypogonadism_symptoms
    rheumatoid_arthritis sle ra_or_sle diabetes_type1 diabetes_type2 cardiovascular_disease
    myocardial_infarction stroke venous_thromboembolism asthma copd asthma_or_copd
    parkinsons_disease dementia epilepsy cancer_any chronic_liver_disease chronic_kidney_disease
    malabsorption crohns_disease coeliac_disease malnutrition hyperthyroidism hyperparathyroidism
    cushings endocrine_disorder hypertension hypogonadism_male
    glucocorticoid_current glucocorticoid_over_3m glucocorticoid_dose_mg_day
    antidepressant_current anticonvulsant_current ppi_current warfarin_current
    aromatase_inhibitor_current androgen_deprivation_current thiazide_current digoxin_current
    levothyroxine_current
    calcium_mmol_l albumin_g_l calcium_corrected_mmol_l phosphate_mmol_l alp_u_l creatinine_umol_l
    egfr_ml_min_173 vitamin_d_25oh_ng_ml pth_pg_ml tsh_miu_l haemoglobin_g_l esr_mm_h crp_mg_l
    glucose_mmol_l hba1c_pct urea_mmol_l alt_u_l ast_u_l sodium_mmol_l potassium_mmol_l
    chloride_mmol_l cholesterol_mmol_l triglycerides_mmol_l ldl_mmol_l hdl_mmol_l
    fragility_fracture_hip fragility_fracture_vertebral fragility_fracture_humerus
    fragility_fracture_pelvis fragility_fracture_forearm fragility_fracture_rib fragility_fracture
    fragility_fracture_count fracture_last_on fracture_prior fracture_after_45 fracture_after_50
    fracture_wrist_after_45 fracture_hip_after_45 fracture_rib_after_45 fracture_on_treatment
    osteoporosis_diagnosed osteoporosis_treatment_current height_anterior_mm height_middle_mm
    height_posterior_mm height_reference_mm kyphosis fracture_hip_traumatic
    parent_hip_fracture mother_hip_fracture mother_hip_fracture_after_50 parent_osteoporosis
    parent_osteoporosis_or_fracture parent_kyphosis
    t_radius_ulna femur_t qct_lumbar_mg_cm3 heel_qus_t dxa_done
    p1np_ug_l ctx_ng_l osteocalcin_ug_l bone_alp_ug_l
    frax_mof_pct frax_hip_pct frax_with_bmd frax_high_dose
    alendronate_current risedronate_current ibandronate_current zoledronate_current
    minodronate_current denosumab_current teriparatide_current abaloparatide_current
    romosozumab_current raloxifene_current bazedoxifene_current calcitonin_current
    calcitriol_current alfacalcidol_current eldecalcitol_current menatetrenone_current
    cholecalciferol_current strontium_current oral_contraceptive_or_oestrogen_6m
    height_loss_over_3cm iof_disorder
"""
SITES = """
    lumbar_spine femoral_neck total_hip trochanter radius_33 radius_ud radius_mid radius_total
    forearm_combined
"""
# LOINC terms of labs and vital signs that the 28 Synthea bundles hold.
SYNTHEA = """
    8302-2 29463-7 39156-5 8480-6 8462-4 72166-2 72514-3 2339-0 6299-2 38483-4 49765-1 2947-0
    6298-4 2069-3 20565-8 4548-4 2093-3 2571-8 18262-6 2085-9 33914-3 2885-2 1751-7 10834-0 1975-2
    6768-6 1742-6 1920-8 718-7 787-2 785-6 786-4 777-3 6690-2 789-8 4544-3 20570-8 8331-1 38265-5
    72106-8 2857-1 3024-7 3016-3
"""


def test_every_agreed_variable_is_declared() -> None:
    keys = set(AGREED.split())
    for site in SITES.split():
        keys |= {f"bmd_{site}_g_cm2", f"t_{site}", f"z_{site}"}
    assert sorted(keys - set(load())) == []


def test_every_lab_and_vital_sign_of_synthea_is_known() -> None:
    missing = [code for code in SYNTHEA.split() if not load().by_code("loinc", code)]
    assert missing == []


@pytest.mark.parametrize("variable", load().values(), ids=lambda variable: variable.key)
def test_a_variable_says_what_it_must(variable: Variable) -> None:
    texts = [variable.label, variable.unknown, *variable.values.values()]
    assert all(text.zh and text.en for text in texts)
    assert any("\u4e00" <= sign <= "\u9fff" for sign in variable.label.zh)
    assert variable.label.en.isascii() or "β" in variable.label.en
    for code in variable.codes:
        check_code(code, where=variable.key)
        assert code.display, code
    spelled = [(code.system, code.code) for code in variable.codes]
    assert len(spelled) == len(set(spelled))
    if variable.kind == "number":
        assert variable.low is not None
        assert variable.high is not None
        assert "limits" in variable.note.lower() or variable.key == "age_y"


def test_an_unqualified_code_never_means_two_numbers() -> None:
    owners: dict[tuple[str, str], list[str]] = {}
    for variable in load().values():
        for code in variable.codes:
            if not code.qualifier and variable.kind == "number":
                owners.setdefault((code.system, code.code), []).append(variable.key)
    assert {code: keys for code, keys in owners.items() if len(keys) > 1} == {}


def test_labels_are_told_apart() -> None:
    for language in ("zh", "en"):
        labels = [variable.label[language] for variable in load().values()]
        assert sorted({label for label in labels if labels.count(label) > 1}) == []


def test_only_what_identifies_a_person_is_marked() -> None:
    marked = {variable.key for variable in load().values() if variable.identifying}
    free_text = {"adverse_effect_other", "follow_up_note", "moved_to"}  # may name people
    assert marked == {"name", "birth_date", "national_id", "phone", "address"} | free_text


def test_smoking_answers_of_fhir_mean_values() -> None:
    smoking = load()["smoking_status"]
    assert smoking.value_codes["snomed|266919005"] == "never"
    assert smoking.value_codes["snomed|8517006"] == "former"
    assert smoking.value_codes["snomed|449868002"] == "current"


def test_an_unknown_key_names_near_ones() -> None:
    assert load()["weight_kg"].unit == "kg"
    with pytest.raises(ConfigError, match="weight_k'") as caught:
        load()["weight_k"]
    assert "weight_kg" in caught.value.remedy
    assert "weight_k" not in load()


def test_search_finds_by_code_and_by_either_language() -> None:
    assert "t_radius_ulna" in [variable.key for variable in load().search("38265-5")]
    assert "t_femoral_neck" in [variable.key for variable in load().search("股骨颈 T值")]
    assert "t_femoral_neck" in [variable.key for variable in load().search("T-SCORE femoral")]
    assert load().search("no such words") == []


def test_two_declarations_of_one_key_are_refused() -> None:
    variable = load()["weight_kg"]
    with pytest.raises(ConfigError, match="weight_kg is declared twice"):
        Dictionary([variable, variable])


def test_loading_starts_neither_units_nor_polars() -> None:
    code = (
        "import sys, careloop.dictionary as d; d.load();"
        "print(sorted({'polars', 'pint', 'ucumvert', 'lark', 'numpy'} & set(sys.modules)))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert said.stdout.strip() == "[]"


GOOD = 'kind = "number"\nlabel = { zh = "体重", en = "Weight" }\nunit = "kg"\nlow = 1\nhigh = 9\n'


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('colour = "red"', "no setting 'colour'"),
        ('codes = [{ system = "loinc", code = "38263-4" }]', "'38263-4' is not a LOINC code"),
        ('codes = [{ system = "icd10", code = "M80.051A" }]', "is not a ICD-10"),
        ('codes = [{ system = "loinc", kode = "1" }]', "not written as the others"),
        ('memory = "ever"', "is for booleans"),
        ('memory = "always"', "memory 'always'"),
        ('sex = "f"', "sex 'f'"),
        ('derive = "weight + 1"', "reads the variable itself"),
        ('derive = "CASE WHEN a THEN 1 ELSE 0 END"', "CASE takes unknown for no"),
        ("identifying = 1", "identifying = 1 is not a bool"),
        ('unknown = { zh = "未知" }', "unknown is not in both languages"),
        ('value_codes = { "snomed|8517006" = "former" }', "'former' is not a value"),
        ('values = { a = { zh = "甲", en = "A" } }', "codes list their values"),
        ('context = "side"', "is not a list"),
    ],
)
def test_a_bad_setting_is_refused_naming_file_and_variable(
    tmp_path: Path, lines: str, problem: str
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(f'group = "g"\n[weight]\n{GOOD}{lines}\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_variables(file)
    assert problem in caught.value.problem
    assert caught.value.where.startswith("bad.toml [weight]")
    assert caught.value.remedy
    file.write_text(f'group = "g"\n[weight]\n{GOOD}', encoding="utf-8")
    assert read_variables(file)[0].label.zh == "体重"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('unit = "kg"', 'unit = "公斤"', "'公斤' is not a UCUM unit"),
        ('unit = "kg"\n', "", "numbers have a unit"),
        ('kind = "number"\n', "", "no kind"),
        ('kind = "number"', 'kind = "numeric"', "kind 'numeric'"),
        ('en = "Weight"', 'en = ""', "label is not in both languages"),
        ("low = 1", "low = 10", "low 10 is not below high 9"),
        ("low = 1", 'low = "1"', "low = '1' is not a float"),
        ("[weight]", "[Weight]", "a key is lower case"),
        ("[weight]\n", "weight = 1\n[height]\n", "stands outside every variable"),
        ('group = "g"\n', "", "no group"),
        ("low = 1", "low == 1", "Invalid value"),
    ],
)
def test_a_bad_file_is_refused_naming_itself(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    text = f'group = "g"\n[weight]\n{GOOD}'
    assert old in text
    file = tmp_path / "bad.toml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_variables(file)
    assert problem in caught.value.problem
    assert caught.value.where.startswith("bad.toml")


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes('group = "组"'.encode("gb18030"))
    with pytest.raises(ConfigError) as caught:
        read_variables(file)
    assert caught.value.where == "bad.toml"


def test_the_system_careloop_names_variables() -> None:
    assert load().matches("careloop", "t_min_of_nowhere") == []
    (variable, code), *_ = load().matches("careloop", "weight_kg")
    assert (variable.key, code) == ("weight_kg", Code("careloop", "weight_kg"))
