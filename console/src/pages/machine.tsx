export default function P(){return <h1>machine</h1>}
