// Folding and filtering in Great Expectations' pages, which use jQuery and Bootstrap for it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-toggle=collapse]");
  if (link === null) return;
  event.preventDefault();
  document.getElementById(link.getAttribute("href").slice(1)).classList.toggle("show");
});

function hideSucceeded(hide) {
  for (const cell of document.querySelectorAll(".hide-succeeded-validation-target-child"))
    cell.parentElement.hidden = hide;
  for (const block of document.querySelectorAll(".hide-succeeded-validations-column-section-target-child")) {
    const section = block.parentElement.parentElement;
    section.hidden = hide;
    for (const link of document.querySelectorAll(`a[href="#${section.id}"]`)) link.hidden = hide;
  }
}

function showAllValidations() {
  hideSucceeded(false);
}

function hideSucceededValidations() {
  hideSucceeded(true);
}
