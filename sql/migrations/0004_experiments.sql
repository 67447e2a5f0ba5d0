-- What a training run knew of each patient, what a prediction was made of. Old models were not calibrated: raw is the probability.
WHILE EXISTS (SELECT 1 FROM dbo.experiment_patients WHERE raw IS NULL)
    UPDATE TOP (2000) dbo.experiment_patients
    SET raw = probability,
        out_of_fold = CASE WHEN part = 'test' THEN 1 ELSE 0 END,
        label = (SELECT l.label FROM dbo.labels AS l WHERE l.patient_id = dbo.experiment_patients.patient_id)
    WHERE raw IS NULL;
